import type { Admin, AdminConfig, Kafka } from 'kafkajs'
import { brokerError } from './broker-error.ts'

/**
 * Runs with an admin client, which is connected before and disconnected after, whatever happens.
 * @throws TOPIC_MISSING, BROKER_UNAVAILABLE, and what `use` throws
 */
export async function withAdmin<T>(
  kafka: Pick<Kafka, 'admin'>,
  use: (admin: Admin) => Promise<T>,
  config?: AdminConfig,
): Promise<T> {
  const admin = kafka.admin(config)
  try {
    await admin.connect()
    return await use(admin)
  } catch (error) {
    throw brokerError(error)
  } finally {
    await admin.disconnect().catch(() => {})
  }
}
