import { readFileSync } from 'node:fs'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { type Command, Option } from 'commander'
import type { ModelClient } from '../../client/model-client.ts'
import type { ModelStream } from '../../client/model-stream.ts'
import { type Lane, laneSymbols, type ModelCompletion, type ModelRequest } from '../../contract/types.ts'
import { type CommonOptions, integerOption, withCommonOptions } from '../command-options.ts'
import { type ExitCode, exitCodes } from '../exit-codes.ts'
import { accountLine, answeredBy, answerText } from '../format-record.ts'
import type { RunAction } from '../program.ts'
import { paint, printable, printJson, printLine, printNote, type Terminal } from '../terminal.ts'
import { UsageError } from '../usage-error.ts'
import { type RequestFile, type RequestOverrides, readRequest } from './read-request.ts'
import { type RequestTypeName, requestFromFlags, requestTypeNames } from './request-from-flags.ts'

interface SendOptions extends CommonOptions {
  type?: RequestTypeName
  prompt: string[]
  system?: string
  file: string[]
  model?: string
  provider?: string
  tenant?: string
  requestId?: string
  lane?: Lane
  stream?: boolean
  key?: string
  wait: boolean
  timeout: number
}

/** `send`: one request to the request topic, and its completion back. */
export function addSendCommand(program: Command, run: RunAction): void {
  const collect = (value: string, earlier: string[]): string[] => [...earlier, value]
  withCommonOptions(
    program
      .command('send')
      .argument('[request]', 'JSON file of a request, or - for standard input; without it the flags make the request')
      .description('send a request and wait for its completion'),
    [
      ['a chat in flags', 'send --model gpt-4o-mini --prompt "What is the capital of France?"'],
      ['a request in a file', 'send examples/chat.json'],
      ['the words as they come', 'send --model gpt-4o-mini --prompt "Tell me a story." --stream'],
      ['the same for another model, as JSON', 'send examples/chat.json --model claude-sonnet-4-5 --json'],
      ['write down a recording', 'send --type transcription --model whisper-1 --file speech.wav'],
      ['from another program, without waiting', 'make-request | model-service send - --no-wait'],
    ],
  )
    .addOption(new Option('--type <type>', 'kind of request (default: chat)').choices(requestTypeNames))
    .addOption(
      new Option('--prompt <text>', 'the prompt; for embeddings once for each text')
        .argParser(collect)
        .default([], 'none'),
    )
    .option('--system <text>', 'system message of a chat')
    .addOption(
      new Option('--file <path>', 'a recording, or media for a chat; may be repeated')
        .argParser(collect)
        .default([], 'none'),
    )
    .option('--model <id>', 'model or route; over that of the file')
    .option('--provider <id>', 'provider; over that of the file')
    .option('--tenant <id>', 'tenant; over that of the file')
    .option('--request-id <id>', 'request id; over that of the file (default: a new UUID)')
    .addOption(new Option('--lane <lane>', 'how urgent it is; over that of the file').choices(laneSymbols))
    .option('--stream', 'print the answer to a chat as it comes')
    .option('--key <text>', 'key of the record, which orders it (default: the request id)')
    .option('--no-wait', 'do not wait for the completion; print the request id')
    .addOption(integerOption('--timeout <ms>', 'how long to wait for the completion', 1, 86_400_000).default(120_000))
    .addHelpText(
      'after',
      '\nIn files, bytes are base64 text or {"$file": "speech.wav"}, relative to the file.' +
        '\nExit code 0 only for a completion with status COMPLETED; 1 for any other, 3 when none came in time.',
    )
    .action((file: string | undefined, options: SendOptions) =>
      run(options, (terminal) => send(file, options, terminal)),
    )
}

async function send(file: string | undefined, options: SendOptions, terminal: Terminal): Promise<ExitCode> {
  const request = await requestOf(file, options, terminal)
  const { withKafkaSession } = await import('../kafka-session.ts')
  const { withModelClient } = await import('../with-model-client.ts')
  const ask = async (client: ModelClient): Promise<ExitCode> => {
    const keyed = options.key === undefined ? {} : { key: options.key }
    if (!options.wait) {
      const { tenant, requestId } = await client.send(request, { ...keyed, signal: terminal.signal })
      if (options.json === true) printJson(terminal, { tenant, requestId })
      else printLine(terminal, requestId)
      return exitCodes.ok
    }
    if (options.json !== true) printNote(terminal, paint(terminal, 'dim', `asking for ${request.requestId}`))
    const wait = { ...keyed, timeoutMs: options.timeout, signal: terminal.signal }
    if (options.stream === true && options.json !== true && request.input.type === 'ChatInput') {
      const { input, stream: _, ...rest } = request
      const completion = await printStream(terminal, client.stream(input, { ...rest, ...wait }))
      printFacts(terminal, completion)
      return completion.status === 'COMPLETED' ? exitCodes.ok : exitCodes.failed
    }
    const completion = await client.process(request, wait)
    print(terminal, completion, options)
    return completion.status === 'COMPLETED' ? exitCodes.ok : exitCodes.failed
  }
  return await withKafkaSession(terminal, (session) => withModelClient(session, ask))
}

/** The words as they come; the terminal record once it is there, whatever its status. */
async function printStream(terminal: Terminal, stream: ModelStream): Promise<ModelCompletion> {
  const { CompletionFailed } = await import('../../client/refused-answers.ts')
  let isLineOpen = false
  const write = (text: string): void => {
    terminal.stdout.write(text)
    isLineOpen = !text.endsWith('\n')
  }
  try {
    for await (const event of stream) {
      switch (event.type) {
        case 'text':
        case 'refusal':
          write(printable(event.delta))
          break
        case 'restart':
          write(isLineOpen ? '\n' : '')
          printNote(terminal, paint(terminal, 'yellow', 'the answer begins anew'))
          break
        case 'completion': {
          const calls = answerText({ ...event.completion, chat: { ...event.completion.chat, text: '', refusal: null } })
          if (isLineOpen) write('\n')
          if (calls !== '') printLine(terminal, calls)
          return event.completion
        }
        case 'reasoning':
        case 'tool-call':
          break
        default:
          event satisfies never
      }
    }
    return await stream.completion
  } catch (error) {
    if (isLineOpen) write('\n')
    if (!(error instanceof CompletionFailed)) throw error
    printLine(terminal, answerText(error.completion))
    return error.completion
  }
}

async function requestOf(file: string | undefined, options: SendOptions, terminal: Terminal): Promise<ModelRequest> {
  const { model, provider, tenant, requestId, lane, stream } = options
  const overrides: RequestOverrides = {
    ...(model === undefined ? {} : { model }),
    ...(provider === undefined ? {} : { provider }),
    ...(tenant === undefined ? {} : { tenant }),
    ...(requestId === undefined ? {} : { requestId }),
    ...(lane === undefined ? {} : { lane }),
    ...(stream === undefined ? {} : { stream }),
  }
  const files = options.file.map((name) => path.resolve(terminal.cwd, name))
  if (file === undefined) {
    const flags = { type: options.type ?? 'chat', prompts: options.prompt, system: options.system ?? null, files }
    return requestFromFlags(flags, overrides)
  }
  if (options.type !== undefined || options.prompt.length > 0 || options.system !== undefined || files.length > 0) {
    throw new UsageError('A request file excludes --type, --prompt, --system and --file: expected one or the other.')
  }
  return readRequest(await readFile(file, terminal), overrides)
}

async function readFile(file: string, terminal: Terminal): Promise<RequestFile> {
  if (file === '-') return { name: 'standard input', text: await text(terminal.stdin), folder: terminal.cwd }
  const resolved = path.resolve(terminal.cwd, file)
  try {
    return { name: file, text: readFileSync(resolved, 'utf8'), folder: path.dirname(resolved) }
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
    throw new UsageError(`${file} cannot be read (${reason}): expected a JSON file of a request.`)
  }
}

function print(terminal: Terminal, completion: ModelCompletion, options: SendOptions): void {
  if (options.json === true) {
    printJson(terminal, completion)
    return
  }
  printLine(terminal, answerText(completion))
  printFacts(terminal, completion)
}

/** How it ended, what answered and what it took; warnings. */
function printFacts(terminal: Terminal, completion: ModelCompletion): void {
  const ended = completion.status === 'COMPLETED'
  const facts = [answeredBy(completion), accountLine(completion)].filter((fact) => fact !== '').join(', ')
  printNote(terminal, `${paint(terminal, ended ? 'green' : 'red', completion.status)} ${completion.requestId} ${facts}`)
  for (const warning of completion.warnings) {
    printNote(terminal, `${paint(terminal, 'yellow', 'warning')} ${warning.code}: ${printable(warning.message)}`)
  }
}
