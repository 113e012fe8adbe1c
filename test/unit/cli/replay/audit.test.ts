import { describe, expect, it } from 'vitest'
import { RequestAudit } from '../../../../src/cli/replay/audit.ts'

const place = (offset: number) => ({ topic: 'model.requests', partition: 0, offset })

describe('RequestAudit', () => {
  it.each<[string, (audit: RequestAudit) => void, object]>([
    ['nothing at all', () => {}, { requestCount: 0, clean: true }],
    [
      'one terminal record each',
      (audit) => {
        audit.addRequest('a', '1')
        audit.addTerminal('a', '1')
        audit.addTerminal('a', '2')
        audit.addRequest('a', '2')
      },
      { requestCount: 2, terminalRecordCount: 2, missingCount: 0, doubledCount: 0, clean: true },
    ],
    [
      'a request sent twice and answered once',
      (audit) => {
        audit.addRequest('a', '1')
        audit.addRequest('a', '1')
        audit.addTerminal('a', '1')
      },
      { requestCount: 1, requestRecordCount: 2, clean: true },
    ],
    [
      'a request without a terminal record',
      (audit) => {
        audit.addRequest('a', '1')
        audit.addRequest('b', '1')
        audit.addTerminal('b', '1')
      },
      { missingCount: 1, missing: [{ tenant: 'a', requestId: '1', terminalCount: 0 }], doubledCount: 0, clean: false },
    ],
    [
      'a request with several terminal records',
      (audit) => {
        audit.addRequest('a', '1')
        for (let count = 0; count < 3; count += 1) audit.addTerminal('a', '1')
      },
      { doubledCount: 1, doubled: [{ tenant: 'a', requestId: '1', terminalCount: 3 }], missingCount: 0, clean: false },
    ],
    [
      'two terminal records whose request has left the topic',
      (audit) => {
        audit.addTerminal('a', '1')
        audit.addTerminal('a', '1')
      },
      { requestCount: 0, withoutRequestCount: 1, doubledCount: 1, clean: false },
    ],
    [
      'one terminal record whose request has left the topic',
      (audit) => audit.addTerminal('a', '1'),
      { withoutRequestCount: 1, clean: true },
    ],
    [
      'an unreadable record in the dead letter topic',
      (audit) => {
        audit.addUnreadable(place(5))
        audit.addDeadLetter(place(5))
      },
      { deadLetteredCount: 1, lostRecordCount: 0, clean: true },
    ],
    [
      'an unreadable record that is nowhere',
      (audit) => {
        audit.addUnreadable(place(5))
        audit.addDeadLetter(place(6))
      },
      { deadLetteredCount: 0, lostRecordCount: 1, lostRecords: [place(5)], clean: false },
    ],
  ])('%s', (_, add, expected) => {
    const audit = new RequestAudit()
    add(audit)
    expect(audit.report()).toMatchObject(expected)
  })

  it('counts all and lists the first twenty, by tenant and id', () => {
    const audit = new RequestAudit()
    for (let index = 49; index >= 0; index -= 1) audit.addRequest('t', String(index).padStart(2, '0'))
    const report = audit.report()
    expect(report.missingCount).toBe(50)
    expect(report.missing.map(({ requestId }) => requestId)).toEqual(
      Array.from({ length: 20 }, (_, index) => String(index).padStart(2, '0')),
    )
  })

  it('gives up beyond its limit instead of running out of memory', () => {
    const audit = new RequestAudit(2)
    audit.addRequest('a', '1')
    audit.addRequest('a', '2')
    audit.addTerminal('a', '2')
    expect(() => audit.addTerminal('a', '3')).toThrow(/--max-requests-count/)
  })
})
