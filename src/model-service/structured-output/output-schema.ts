/**
 * The JSON Schema of an answer, compiled. Schemas come from whoever may send a request, so nothing in them is trusted: they are
 * bounded in size, never fetch anything, and neither compiling nor judging an answer may hold the worker up (see run-limited.ts).
 */
import { Ajv, type ErrorObject, type Options, type ValidateFunction } from 'ajv'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { isJsonObject } from '../../contract/json-object.ts'
import { ModelServiceError } from '../../errors/model-service-error.ts'
import { refuse } from '../field-rules.ts'
import { runLimited, TimeLimitPassed } from './run-limited.ts'

/** One way in which an answer does not fit. */
export interface OutputProblem {
  /** The rule that it breaks, as a JSON pointer into the schema; holds nothing of the answer. */
  rule: string
  /** What the rule asks for. Holds nothing of the answer. */
  expected: string
  /** Where in the answer, as a JSON pointer; holds names that the model chose, so it is for the model alone. */
  place: string
  /** The name at that place that must not be there, for the model alone; null for other rules. */
  surplus: string | null
}

/** Largest schema, in UTF-16 units of its JSON text: compiling one of this size takes half a second. */
export const maxSchemaLength = 65_536
/** Time for compiling a schema, in ms. */
const compileLimitMs = 1_000
/** Time for judging one answer, in ms. */
const judgeLimitMs = 250
/** All problems are named in answers up to so many UTF-16 units, in larger ones the first: there may be as many as values. */
const allProblemsLength = 65_536

const dialects = {
  'http://json-schema.org/draft-07/schema': Ajv,
  'https://json-schema.org/draft/2020-12/schema': Ajv2020,
} as const
type DialectId = keyof typeof dialects

const options: Options = {
  // Keywords and formats that are unknown are annotations, as the specification has it.
  strict: false,
  validateFormats: false,
  // Names like `constructor` are missing unless the answer has them itself.
  ownProperties: true,
  logger: false,
}
/** Inlining what is referred to would multiply it, and a schema of one instance is unknown to all others. */
const compileOptions: Options = { ...options, inlineRefs: false, meta: false, validateSchema: false }

/** Judges the texts of answers. */
export class OutputSchema {
  readonly #value: object
  readonly #dialect: DialectId
  readonly #judge: ValidateFunction
  #judgeOfLarge: ValidateFunction | undefined

  /** @throws INVALID_REQUEST for what is no schema, too large, too slow, or refers to something outside of itself; `path` names it */
  constructor(text: string, path: string) {
    if (text.length > maxSchemaLength)
      refuse(path, `must have at most ${maxSchemaLength} characters, not ${text.length}`)
    this.#value = parseObject(text, path)
    this.#dialect = dialectOf(this.#value, path)
    try {
      const flaw = flawOf(this.#value, this.#dialect)
      if (flaw !== null) refuse(path, `is no JSON Schema: ${flaw}`)
      const judge = this.#compile(true)
      this.#judge = judge
      // A schema that comes to no end by itself is found out before an answer is paid for.
      runLimited(() => [null, 0, '', [], {}].forEach((sample) => void judge(sample)), judgeLimitMs)
    } catch (error) {
      if (error instanceof ModelServiceError) throw error
      if (error instanceof TimeLimitPassed) refuse(path, `${error.message} to compile; make it simpler`)
      if (error instanceof RangeError) refuse(path, 'is nested too deep, or refers to itself without end')
      if (isMissingReference(error)) refuse(path, 'must not refer to anything outside of itself; nothing is fetched')
      if (error instanceof SyntaxError)
        refuse(path, 'has a pattern that is no regular expression of ECMAScript with the flag u')
      refuse(path, `does not compile: ${String(error).slice(0, 200)}`)
    }
  }

  /** What does not fit; empty when the text is JSON that fits. Never throws. */
  problemsOf(text: string): OutputProblem[] {
    let value: unknown
    try {
      value = JSON.parse(text)
    } catch {
      // The parser's own message quotes the text.
      return [problem('#', 'must be JSON text')]
    }
    try {
      const judge = text.length <= allProblemsLength ? this.#judge : this.#largeJudge()
      const fits = runLimited(() => judge(value), judgeLimitMs)
      return fits === true ? [] : (judge.errors ?? []).map(problemOf)
    } catch (error) {
      if (error instanceof TimeLimitPassed) return [problem('#', `cannot be judged: it ${error.message}`)]
      return [problem('#', 'cannot be judged: it is nested too deep')]
    }
  }

  #largeJudge(): ValidateFunction {
    this.#judgeOfLarge ??= this.#compile(false)
    return this.#judgeOfLarge
  }

  #compile(allErrors: boolean): ValidateFunction {
    const value = this.#value
    // `$async` would make the judge return a promise.
    if ('$async' in value) throw new Error('"$async" is not supported')
    return runLimited(
      () => new dialects[this.#dialect]({ ...compileOptions, allErrors }).compile(value),
      compileLimitMs,
    )
  }
}

/** Compiled schemas by their text, the least recently used first; a refused one is remembered by its error. */
const compiled = new Map<string, OutputSchema | Error>()
const maxCompiledCount = 100
const maxCompiledLength = 1_048_576
let compiledLength = 0

/** The compiled schema. The last hundred are kept. @throws INVALID_REQUEST naming `path` */
export function outputSchemaOf(text: string, path: string): OutputSchema {
  const known = compiled.get(text)
  const schema = known ?? compileOnce(text, path)
  if (known === undefined) compiledLength += text.length
  else compiled.delete(text)
  compiled.set(text, schema)
  for (const [oldest] of compiled) {
    if (compiled.size <= maxCompiledCount && compiledLength <= maxCompiledLength) break
    compiled.delete(oldest)
    compiledLength -= oldest.length
  }
  if (schema instanceof Error) throw schema
  return schema
}

function compileOnce(text: string, path: string): OutputSchema | Error {
  try {
    return new OutputSchema(text, path)
  } catch (error) {
    if (error instanceof Error) return error
    throw error
  }
}

function parseObject(text: string, path: string): object {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    refuse(path, 'must be a JSON text')
  }
  if (!isJsonObject(value)) refuse(path, 'must be the JSON text of an object')
  return value
}

/** 2020-12 where the schema does not say. */
function dialectOf(schema: object, path: string): DialectId {
  if (!('$schema' in schema)) return 'https://json-schema.org/draft/2020-12/schema'
  const id = String(schema.$schema)
    .replace(/#$/, '')
    .replace(/^https?:/, '')
  const known = (Object.keys(dialects) as DialectId[]).find((dialect) => dialect.replace(/^https?:/, '') === id)
  if (known === undefined) refuse(`${path}.$schema`, `must be one of ${Object.keys(dialects).join(', ')}`)
  return known
}

/** The judges of schemas themselves, which are always the same. */
const metaJudges = new Map<DialectId, ValidateFunction>()

function flawOf(schema: object, dialect: DialectId): string | null {
  let judge = metaJudges.get(dialect)
  if (judge === undefined) {
    judge = new dialects[dialect](options).getSchema(dialect) as ValidateFunction
    metaJudges.set(dialect, judge)
  }
  if (judge(schema) === true) return null
  const [first] = judge.errors ?? []
  return first === undefined
    ? 'it breaks the rules of its dialect'
    : `${first.instancePath.slice(0, 200)} ${first.message}`
}

function problemOf({ schemaPath, instancePath, message, params }: ErrorObject): OutputProblem {
  const surplus: unknown = params.additionalProperty ?? params.unevaluatedProperty ?? params.propertyName
  return {
    rule: schemaPath,
    expected: message ?? 'must fit',
    place: instancePath,
    surplus: typeof surplus === 'string' ? surplus : null,
  }
}

function problem(rule: string, expected: string): OutputProblem {
  return { rule, expected, place: '', surplus: null }
}

function isMissingReference(error: unknown): boolean {
  return error instanceof Error && 'missingRef' in error
}
