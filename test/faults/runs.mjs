// Runs and sets that two processes want at once, that are killed at any moment, or whose disk is full or turns bits over: one of the two wins
// and the other says so; what is killed goes on to the same bytes; half a set is no data; a damaged model is no model.
// `node test/faults/runs.mjs [rounds]` prints one line of JSON with the counts that it reached. Run by `npm run test:faults`.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'

const rounds = Number(process.argv[2] ?? 12)
const main = new URL('../../dist/cli/main.js', import.meta.url).pathname
const { loadNetwork, openImages } = await import(new URL('../../dist/index.js', import.meta.url).href)
const folder = mkdtempSync(join(tmpdir(), 'striate-run-faults-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))

/** Starts a command; `ended` gives how it ended and what it said. */
function start(...args) {
  const child = spawn(process.execPath, [main, ...args], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
  const said = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr']) child[name].on('data', (text) => (said[name] += text))
  return { child, ended: new Promise((resolve) => child.on('close', (code) => resolve({ code, ...said }))) }
}
async function succeeds(...args) {
  const { code, stderr } = await start(...args).ended
  assert.equal(code, 0, stderr)
}
/** Files by name, with what they hold; `but` is left out. */
const contents = (name, but = /$^/) =>
  Object.fromEntries(
    readdirSync(join(folder, name), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !but.test(entry.name))
      .map((entry) => {
        const path = join(entry.parentPath ?? entry.path, entry.name)
        return [path.slice(join(folder, name).length), createHash('sha256').update(readFileSync(path)).digest('hex')]
      })
      .sort(),
  )
const model = (name) => readFileSync(join(folder, name, 'model.safetensors'))
const clean = (name) =>
  assert.deepEqual(
    readdirSync(join(folder, name)).filter((file) => /lock|tmp|checkpoint/.test(file)),
    [],
  )

const scenes = ['render', '--count', '400', '--size', '24', '--seed', '5', '--out']
const local = [
  ...['train', 'local', '--data', 'scenes', '--units', '12', '--steps', '600', '--filter-batch', '100'],
  ...['--pool-size', '5', '--epochs', '4', '--readout-batch', '20', '--checkpoint-seconds', '0'],
]
await succeeds(...scenes, 'scenes')
await succeeds(...local, '--out', 'whole')
const tally = {}

/** Two commands at once: one ends well, the other one with a sentence that names the process in the way. */
async function two(kind, first, second, refusal) {
  const [a, b] = [start(...first), start(...second)]
  const ends = await Promise.all([a.ended, b.ended])
  const codes = ends.map(({ code }) => code).sort()
  const { stderr } = ends.find(({ code }) => code !== 0) ?? { stderr: '' }
  assert.match(stderr, refusal, `${kind}: ${JSON.stringify(ends)}`)
  assert.ok(codes[0] === 0 && codes[1] > 0, `${kind}: ${codes}`)
  tally[kind] = (tally[kind] ?? 0) + 1
}
const busy = /striate: .* is in work by process \d+ on |is the folder of a run/
for (let i = 0; i < rounds; i++) {
  await two('pairs of train', [...local, '--out', `pair-${i}`], [...local, '--out', `pair-${i}`], busy)
  assert.ok(model(`pair-${i}`).equals(model('whole')))
  clean(`pair-${i}`)
}
for (let i = 0; i < Math.ceil(rounds / 3); i++) {
  const running = start(...local, '--steps', '2000000', '--out', `running-${i}`)
  while (!existsSync(join(folder, `running-${i}`, 'request.json'))) await wait(5)
  const { code, stderr } = await start('train', 'local', '--resume', `running-${i}`).ended
  assert.ok(code === 1 && /is in work by process/.test(stderr), stderr)
  running.child.kill('SIGKILL')
  await running.ended
  tally['resumes of a running run'] = (tally['resumes of a running run'] ?? 0) + 1
}
for (let i = 0; i < Math.ceil(rounds / 3); i++) {
  // One that comes late finds the whole set there, and leaves it.
  const ends = await Promise.all([start(...scenes, `both-${i}`).ended, start(...scenes, `both-${i}`).ended])
  for (const { code, stderr } of ends) assert.ok(code === 0 || /is in work by process/.test(stderr), stderr)
  assert.deepEqual(contents(`both-${i}`), contents('scenes'))
  tally['pairs of render'] = (tally['pairs of render'] ?? 0) + 1
}

let state = 7
function random() {
  state = (state * 48271) % 2147483647
  return state / 2147483647
}
/** Kills a command after a random while, as often as it takes to end. @returns how often it was killed */
async function killed(first, again, most) {
  let kills = 0
  for (let args = first; ; args = again()) {
    const { child, ended } = start(...args)
    const timer = setTimeout(() => child.kill('SIGKILL'), 300 + most * random() * (1 + kills))
    const { code, stderr } = await ended
    clearTimeout(timer)
    if (code === 0) return kills
    assert.equal(code, null, stderr)
    kills++
  }
}
for (let i = 0; i < rounds; i++) {
  const out = `killed-${i}`
  const begun = () => existsSync(join(folder, out, 'request.json'))
  const fresh = [...local, '--out', out]
  const kills = await killed(fresh, () => (begun() ? ['train', 'local', '--resume', out] : fresh), 1500)
  tally['kills of train'] = (tally['kills of train'] ?? 0) + kills
  assert.ok(model(out).equals(model('whole')), `run ${i} after ${kills} kills`)
  clean(out)
}
for (let i = 0; i < rounds; i++) {
  const out = `set-${i}`
  const check = async () => {
    // Whatever a kill left: it is no data, or all of it.
    const images = await openImages(join(folder, out)).catch((error) => error)
    if (images instanceof Error) assert.match(images.message, /not finished|empty folder|none of these|is missing/)
    else assert.equal(images.shape[0], 400)
  }
  const kills = await killed([...scenes, out], () => [...scenes, out], 1500)
  await check()
  tally['kills of render'] = (tally['kills of render'] ?? 0) + kills
  assert.deepEqual(contents(out), contents('scenes'))
  const half = `half-${i}`
  const { child, ended } = start(...scenes, half)
  while (!existsSync(join(folder, half, 'unfinished-scenes.json')) && child.exitCode === null) await wait(2)
  await wait(400 * random())
  child.kill('SIGKILL')
  const { code } = await ended
  const refused = await openImages(join(folder, half)).then(
    () => false,
    (error) => /not finished/.test(error.message),
  )
  assert.equal(refused, code === null && existsSync(join(folder, half, 'unfinished-scenes.json')))
  tally['half sets refused'] = (tally['half sets refused'] ?? 0) + Number(refused)
}

const mounts = spawnSync('unshare', ['-m', 'sh', '-c', 'mount -t tmpfs -o size=64k tmpfs /tmp']).status === 0
if (mounts) {
  mkdirSync(join(folder, 'disk'))
  const script = `mount -t tmpfs -o size=400k tmpfs disk || exit 9
    "$@" 2>&1; echo "code $?"
    "$0" ${JSON.stringify(main)} train local --no-readout --data disk/set --out never 2>&1; echo "code $?"
    mount -o remount,size=40m disk || exit 9
    "$@"; echo "code $?"
    cp -r disk/set from-disk`
  const args = [process.execPath, process.execPath, main, ...scenes, 'disk/set']
  const { stdout, status } = spawnSync('unshare', ['-m', 'sh', '-c', script, ...args], { cwd: folder, encoding: 'utf8' })
  assert.equal(status, 0, stdout)
  assert.deepEqual(stdout.match(/code \d+/g), ['code 1', 'code 1', 'code 0'], stdout)
  assert.match(stdout, /is on a full disk; expected free space/)
  assert.match(stdout, /is a set of scenes that is not finished/)
  assert.deepEqual(contents('from-disk'), contents('scenes'))
  tally['sets on a full disk'] = 1
}

const sound = model('whole')
const file = join(folder, 'flipped.safetensors')
const from = 8 + Number(sound.readBigUInt64LE())
for (let i = 0; i < 50 * rounds; i++) {
  const bytes = Buffer.from(sound)
  const at = from + Math.floor(random() * (bytes.length - from))
  bytes[at] ^= 1 << Math.floor(8 * random())
  writeFileSync(file, bytes)
  await assert.rejects(loadNetwork(file), /flipped\.safetensors is damaged/)
  tally['turned bits of a model'] = (tally['turned bits of a model'] ?? 0) + 1
}
console.log(JSON.stringify(tally))
