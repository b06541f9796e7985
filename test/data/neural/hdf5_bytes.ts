// HDF5 files, written by the library that reads them.
import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type Dataset, File, ready } from 'h5wasm/node'

/** Writes a file by what `fill` puts into it. */
export async function putHdf5(path: string, fill: (file: File) => void): Promise<void> {
  await ready
  await mkdir(dirname(path), { recursive: true })
  const file = new File(path, 'w')
  try {
    fill(file)
  } finally {
    file.close()
  }
}

type Values = Parameters<File['create_dataset']>[0]['data']

interface Variable {
  over: readonly string[]
  data: Values
  dtype?: string
  isPacked?: boolean
  /** Each of one value, or of several. */
  attributes?: Readonly<Record<string, Values>>
}

/** Variables of a netCDF-4 file over named dimensions, the values of each the last axis fastest. */
export function netcdf(
  dimensions: Readonly<Record<string, number>>,
  variables: Readonly<Record<string, Variable>>,
): (file: File) => void {
  return (file) => {
    for (const [name, extent] of Object.entries(dimensions)) {
      const scale = file.create_dataset({ name, data: new Float32Array(extent), shape: [extent] })
      scale.make_scale(`This is a netCDF dimension but not a netCDF variable. ${String(extent).padStart(9)}`)
    }
    for (const [name, { over, data, dtype, isPacked = false, attributes = {} }] of Object.entries(variables)) {
      const shape = over.map((dimension) => dimensions[dimension] as number)
      const variable: Dataset = file.create_dataset({
        name,
        data,
        shape,
        ...(dtype && { dtype }),
        ...(isPacked && { chunks: shape.map((extent) => Math.ceil(extent / 2)), compression: 'gzip', compression_opts: [1] }),
      })
      over.forEach((dimension, axis) => {
        variable.attach_scale(axis, dimension)
      })
      for (const [attribute, value] of Object.entries(attributes)) variable.create_attribute(attribute, value)
    }
  }
}
