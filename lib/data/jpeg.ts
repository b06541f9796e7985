// Headers of JPEG files that say the same as they do, without the oddities that libjpeg warns of and every decoder passes over: what it warns of after
// that is damage.

/** JPEG's own markers: `ff` and one of these. */
const [endOfImage, startOfImage, startOfScan, app0, app14] = [0xd9, 0xd8, 0xda, 0xe0, 0xee]
const isParameterless = (marker: number): boolean => marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7)
const isFrame = (marker: number): boolean => marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)

/**
 * The same JPEG without stray bytes between the segments before its first scan, with a JFIF revision and an Adobe transform that exist, and with the
 * scan parameters that a sequential frame has. null where the header has no such oddity, or is none.
 */
export function withoutOddities(bytes: Uint8Array): Uint8Array | null {
  const parts: Uint8Array[] = [bytes.subarray(0, 2)]
  let isOdd = false
  let [frame, components] = [0, 0]
  let adobe: Uint8Array | null = null
  for (let at = 2; ; ) {
    const begin = at
    while (at + 1 < bytes.length && !(bytes[at] === 0xff && bytes[at + 1] !== 0xff && bytes[at + 1] !== 0)) ++at
    if (at + 3 >= bytes.length) return null
    if (bytes.subarray(begin, at).some((byte) => byte !== 0xff)) isOdd = true
    const marker = bytes[at + 1] as number
    if (marker === startOfImage || marker === endOfImage) return null
    const length = isParameterless(marker) ? 0 : ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number)
    const end = at + 2 + length
    if (end > bytes.length || (length < 2 && !isParameterless(marker))) return null
    const segment = bytes.slice(at, end)
    parts.push(segment)
    const set = (index: number, value: number) => {
      if (segment[index] !== value) isOdd = true
      segment[index] = value
    }
    const says = (text: string) => [...text].every((letter, i) => segment[4 + i] === letter.charCodeAt(0))
    if (marker === app0 && length >= 16 && says('JFIF\0') && segment[9] !== 1) {
      set(9, 1)
      set(10, 1)
    } else if (marker === app14 && length >= 14 && says('Adobe')) adobe = segment
    else if (isFrame(marker) && length >= 8) [frame, components] = [marker, segment[9] as number]
    else if (marker === startOfScan) {
      if ((frame === 0xc0 || frame === 0xc1) && length >= 6)
        for (const [i, value] of [0, 63, 0].entries()) set(segment.length - 3 + i, value)
      const transform = adobe?.[15] ?? 0
      if (adobe && transform > 0 && transform !== components - 2) {
        adobe[15] = components - 2
        isOdd = true
      }
      return isOdd ? Buffer.concat([...parts, bytes.subarray(end)]) : null
    }
    at = end
  }
}
