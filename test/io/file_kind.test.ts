// Files that are not what they should be are named as what they are.
import { describe, expect, it } from 'vitest'
import { openRecordings, openTrialTable, readImageList, readNpy } from '../../lib/index.js'
import { fileKind } from '../../lib/io/file_kind.js'
import { at, put } from '../data/scratch.js'

const bytes = (text: string) => Buffer.concat([Buffer.from(text, 'latin1'), Buffer.alloc(700)])
const saved: readonly (readonly [text: string, kind: RegExp])[] = [
  ['CDF\x01', / is no[^;]* but a netCDF-3 file; .* \(nccopy -k nc4 old\.nc new\.nc makes it netCDF-4, which is HDF5\)$/],
  ['CDF\x02', / is no[^;]* but a netCDF-3 file; /],
  ['\x1f\x8b\x08', / but one compressed by gzip; .* \(gunzip unpacks it\)$/],
  ['PK\x03\x04', / but a zip archive, as \.npz, \.xlsx and \.pth files are; /],
  ['\x80\x04\x95', / but a pickle of Python; /],
  ['version https://git-lfs.github.com/spec/v1\noid', / but a pointer of Git LFS; .*git lfs pull/],
  ['\n<!DOCTYPE HTML><html>', / but a web page; /],
]
const refusal = (work: Promise<unknown>) =>
  work.then(
    () => expect.unreachable('nothing was refused'),
    (error: Error) => error.message.replaceAll(at(), ''),
  )

describe('a file of another kind', () => {
  it('is named where an assembly, an array, a table or a list are expected', async () => {
    for (const [i, [text, kind]] of saved.entries()) {
      const path = async (ending: string) => {
        await put(`other-${i}${ending}`, bytes(text))
        return at(`other-${i}${ending}`)
      }
      const given = { images: at('none'), stimuli: at('stimuli.csv') }
      await put('stimuli.csv', 'stimulus_id,filename\na,a.png\n')
      expect(await refusal(openRecordings([await path('.nc')], given))).toMatch(kind)
      expect(await refusal(openRecordings([at('other-0.nc')], { ...given, stimuli: await path('.csv') }))).toMatch(kind)
      expect(await refusal(readNpy(await path('.npy')))).toMatch(kind)
      expect(await refusal(openTrialTable({ images: at(), responses: await path('.csv') }))).toMatch(kind)
      expect(await refusal(readImageList(await path('.txt')))).toMatch(kind)
    }
    await put('text.nc', 'stimulus_id,a\n')
    expect(await refusal(openRecordings([at('text.nc')], { images: at(), stimuli: at('stimuli.csv') }))).toMatch(
      /is no HDF5 file but a text; /,
    )
    await put('short.npy', '\x93NU\x01')
    expect(await refusal(readNpy(at('short.npy')))).toMatch(/is not a \.npy file; expected one that starts with/)
  })

  it('is a text where its bytes are one, and what is said otherwise', () => {
    const kindOf = (data: Uint8Array) => fileKind(data, 'no array').actual
    expect(kindOf(Buffer.from('a,b\r\n1,é\n'))).toBe('no array but a text')
    expect(kindOf(Buffer.from(`${'a'.repeat(511)}é`))).toBe('no array but a text')
    expect(kindOf(Buffer.of(1, 2, 3, 255))).toBe('no array')
    expect(kindOf(Buffer.of(0xff, 0xfe, 0x61, 0))).toBe('no array')
    expect(kindOf(new Uint8Array())).toBe('no array but an empty file')
  })
})
