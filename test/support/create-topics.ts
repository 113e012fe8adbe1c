import type { Admin, ITopicConfig } from 'kafkajs'
import { untilLed } from '../../src/events/topic-admin.ts'

/** Creates topics and waits until they can be used; kafkajs's own wait fails while a broker has not heard of them yet. */
export async function createTopics(admin: Admin, topics: ITopicConfig[]): Promise<void> {
  await admin.createTopics({ waitForLeaders: false, topics })
  await untilLed(
    admin,
    topics.map(({ topic }) => topic),
  )
}
