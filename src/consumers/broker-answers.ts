import type { Kafka } from 'kafkajs'

/** Whether a broker answers right now. Never rejects. */
export async function brokerAnswers(kafka: Pick<Kafka, 'admin'>): Promise<boolean> {
  const admin = kafka.admin({ retry: { retries: 0 } })
  try {
    await admin.connect()
    await admin.describeCluster()
    return true
  } catch {
    return false
  } finally {
    await admin.disconnect().catch(() => {})
  }
}
