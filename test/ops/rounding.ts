import { U } from './proof.js'

/**
 * Budget for a float32 sum of `count` terms (products of inputs, or inputs), whose Euclidean norm is `norm`, in whatever order.
 *
 * Adding the k-th term rounds by at most U |s_k|, and its product by at most U |t_k|. For the zero-mean, independent terms of these
 * proofs |s_k| is about sqrt(k / count) norm, and the signs of the roundings are independent too, so that one sum in order has an
 * error of about 0.4 U sqrt(count) norm (root mean square; lanes and blocks only lower it). 4 is ten times that. For few terms it
 * holds without any statistics: (count + 1) U sum |t| <= (count + 1) U sqrt(count) norm is below it up to count = 6. The 2 covers
 * the products and one more addition (a bias).
 */
export const sumError = (count: number, norm: number): number => 4 * U * (Math.sqrt(count) + 2) * norm + 2 ** -149

/** Unit roundoff of float64. */
export const U64 = 2 ** -53

/** The same for float64: twice, since the reference's own sum has such an error too. */
export const sumError64 = (count: number, norm: number): number => (2 * U64 * sumError(count, norm)) / U
