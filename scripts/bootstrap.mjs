// Runs a TypeScript script of this repository from a bare checkout: installs the locked packages when they are missing or
// out of date, then hands over to the Node version that they bring. Plain JavaScript without dependencies, because it runs
// on whatever Node (20 or newer) the machine has.
//
//   node scripts/bootstrap.mjs SCRIPT.ts [arguments…]        --offline uses caches only
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, lstatSync, readFileSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const [script, ...scriptArguments] = process.argv.slice(2)
const offline = scriptArguments.includes('--offline')
const marker = join(root, 'node_modules', '.installed-lock')
const bundledNode = join(root, 'node_modules', 'node', 'bin', 'node')

function refuse(message) {
  console.error(message)
  process.exit(1)
}

function versionAtLeast(version, major, minor) {
  const [ownMajor, ownMinor] = version.replace('v', '').split('.').map(Number)
  return ownMajor > major || (ownMajor === major && ownMinor >= minor)
}

/** Runs a program in the repository's root; resolves to its exit code, 128 + signal when a signal ended it. */
function run(program, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd: root, stdio: 'inherit', ...options })
    const forward = (signal) => child.kill(signal)
    // Ctrl-C reaches the whole foreground group by itself; other signals must be handed on.
    const ignore = () => {}
    process.on('SIGINT', ignore).on('SIGTERM', forward).on('SIGHUP', forward)
    child.once('error', (error) => {
      console.error(`could not start ${program}: ${error.message}`)
      resolve(1)
    })
    child.once('exit', (code, signal) => {
      process.off('SIGINT', ignore).off('SIGTERM', forward).off('SIGHUP', forward)
      resolve(code ?? 128 + constants.signals[signal])
    })
  })
}

async function install() {
  const lock = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex')
  if (existsSync(marker) && readFileSync(marker, 'utf8') === lock) return
  // Through a link npm ci would empty the folder that it leads to, which belongs to somebody else.
  if (lstatSync(join(root, 'node_modules'), { throwIfNoEntry: false })?.isSymbolicLink()) {
    refuse(
      'node_modules is a link, and its packages do not fit package-lock.json: remove the link (rm node_modules) and run this again, which installs them here.',
    )
  }
  const startedAt = Date.now()
  const seconds = () => ((Date.now() - startedAt) / 1000).toFixed(0)
  console.log(`installing packages (npm ci${offline ? ' --offline' : ''}); the first time takes a minute or so`)
  const ticker = setInterval(() => console.log(`  still installing, ${seconds()} s`), 15_000)
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm'
  const args = [
    'ci',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
    ...(offline ? ['--offline'] : ['--prefer-offline']),
  ]
  // npm install scripts must not act on the caller's `npm_config_*` of this very run.
  const code = await run(npm, args)
  clearInterval(ticker)
  if (code !== 0) {
    refuse(
      offline
        ? 'npm ci --offline failed: not all packages are in the npm cache. Run once without --offline.'
        : 'npm ci failed (see above). Check the network, HTTPS_PROXY and NODE_EXTRA_CA_CERTS, then run the command again.',
    )
  }
  writeFileSync(marker, lock)
  console.log(`packages installed in ${seconds()} s`)
}

if (script === undefined) refuse('usage: node scripts/bootstrap.mjs SCRIPT.ts [arguments…]')
if (!versionAtLeast(process.version, 20, 0)) {
  refuse(
    `Node ${process.version} is too old: install Node 20 or newer with npm (https://nodejs.org), then run this again.`,
  )
}
if (process.platform === 'win32') {
  refuse(
    'Windows is supported through WSL 2: install it (wsl --install), clone the repository inside it and run this there.',
  )
}
await install()
const node = existsSync(bundledNode) ? bundledNode : process.execPath
if (node === process.execPath && !versionAtLeast(process.version, 22, 19)) {
  refuse(
    'The `node` package brought no binary, probably because npm install scripts are switched off (ignore-scripts).\n' +
      'Allow them for this project, or install Node 22.19 or newer, then delete node_modules and run this again.',
  )
}
process.exitCode = await run(node, [join(root, script), ...scriptArguments], {
  // Children that say `node` get the same one.
  env: { ...process.env, PATH: `${dirname(node)}:${process.env.PATH ?? ''}` },
})
