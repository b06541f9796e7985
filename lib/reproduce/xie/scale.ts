// How large the studies of latent variables are.

/** Height and width of scenes, photos and the images of recordings. */
export const latentSize = 64

/** What two cores do in minutes a network; the paper has 1.35 million images of 224 pixels, width 64 and 200,000 minibatches. */
const full = { width: 16, images: 20_000, steps: 940, heldOut: 2000 }
/** The first categories alone: building the meshes of all takes longer than the rest of a quick run. */
const quick = { width: 8, images: 640, steps: 20, heldOut: 128, categories: 24 }

export const latentScale = (scale: { quick: boolean }): typeof full & { categories?: number } => (scale.quick ? quick : full)

/** Every category has objects 0 to 3 for training and this one to be tested on. */
export const trainedObjects = [0, 1, 2, 3]
export const heldOutObjects = [4]
