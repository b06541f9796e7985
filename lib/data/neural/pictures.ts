// Pictures in files of a recording, in an order of its own.
import { stat } from 'node:fs/promises'
import { imageKinds } from '../decode.js'
import { type EncodedOptions, openEncoded } from '../encoded.js'
import { type Path, readWhole, shown } from '../files.js'
import type { Images, LoadControl } from '../images.js'
import type { Targets } from '../targets.js'
import { recordingOptions } from './folder.js'

const { crop: _, ...shared } = recordingOptions.shape
/** Options of pictures in files, for the schemas of those who open them. */
export const pictureOptions = shared

export type PictureOptions = Omit<EncodedOptions, 'skipBad'>

/** A picture in a file. */
export interface Picture {
  /** What tells it from the others, wherever they lie. */
  readonly name: string
  /** What messages call it. */
  readonly where: string
  /** In which it lies. */
  readonly file: Path
  size(): Promise<number>
  read(signal?: AbortSignal): Promise<Uint8Array>
}

/** A picture in a file of its own. */
export function pictureFile(op: string, name: string, path: Path): Picture {
  return {
    name,
    where: shown(path),
    file: path,
    size: async () => (await stat(path)).size,
    read: (signal) => readWhole(op, path, `a sound ${imageKinds} image`, signal),
  }
}

/** Pictures as images, in their order; one that cannot be decoded is refused by name. */
export function openPictures(
  op: string,
  name: string,
  pictures: readonly Picture[],
  targets: Targets,
  options: PictureOptions,
  control: LoadControl,
): Promise<Images> {
  const at = (index: number) => pictures[index] as Picture
  return openEncoded(
    op,
    {
      name,
      count: pictures.length,
      targets,
      where: (index) => at(index).where,
      label: (index) => at(index).name,
      files: pictures.map(({ file }) => file),
      sizes: () => Promise.all(pictures.map((picture) => picture.size())),
      read: (index, signal) => at(index).read(signal),
    },
    { ...options, skipBad: false },
    control,
  )
}
