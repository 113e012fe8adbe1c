import { contractSchema } from '../../src/codec/contract-schemas.ts'

/**
 * Registers a schema under a subject that differs from ours by its documentation only, so that what we encode is valid under it; no
 * worker has met it. Each text is another schema.
 * @returns its id
 */
export async function registerTwinSchema(
  registryUrl: string,
  twin: { record: string; subject: string; doc: string },
): Promise<number> {
  const schema = JSON.stringify({ ...contractSchema(twin.record), doc: twin.doc })
  const answer = await fetch(`${registryUrl}/subjects/${twin.subject}/versions`, {
    method: 'POST',
    headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
    body: JSON.stringify({ schemaType: 'AVRO', schema }),
  })
  if (!answer.ok) throw new Error(`The registry answered ${answer.status}: ${await answer.text()}`)
  return ((await answer.json()) as { id: number }).id
}
