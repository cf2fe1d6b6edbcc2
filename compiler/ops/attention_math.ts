/** Attention in plain loops: the meaning shared by `attention`, its gradients and its cached form. */
import { type Tensor, zeros } from "./tensor.ts";

export interface AttentionSizes {
  /** Query heads, key heads, queries, keys, head size. */
  readonly H: number;
  readonly K: number;
  readonly S: number;
  readonly T: number;
  readonly E: number;
}

export function sizesFrom(q: readonly number[], k: readonly number[]): AttentionSizes {
  return { H: q[0]!, S: q[1]!, E: q[2]!, K: k[0]!, T: k[1]! };
}

/** Probabilities [H, S, T]; query s sees keys t < visible(s). */
export function probabilities(
  q: Tensor,
  k: Tensor,
  scale: number,
  visible: (s: number) => number,
): Tensor {
  const { H, K, S, T, E } = sizesFrom(q.shape, k.shape);
  const p = zeros([H, S, T]);
  for (let h = 0; h < H; h++) {
    const kv = Math.floor(h / (H / K));
    for (let s = 0; s < S; s++) {
      const row = p.data.subarray((h * S + s) * T, (h * S + s + 1) * T);
      const seen = visible(s);
      let max = Number.NEGATIVE_INFINITY;
      for (let t = 0; t < seen; t++) {
        let dot = 0;
        for (let e = 0; e < E; e++)
          dot += q.data[(h * S + s) * E + e]! * k.data[(kv * T + t) * E + e]!;
        row[t] = dot * scale;
        max = Math.max(max, row[t]!);
      }
      let sum = 0;
      for (let t = 0; t < seen; t++) {
        row[t] = Math.exp(row[t]! - max);
        sum += row[t]!;
      }
      for (let t = 0; t < seen; t++) row[t] = row[t]! / sum;
    }
  }
  return p;
}

/** o[h, s] = Σ_t p[h, s, t] · v[⌊h/(H/K)⌋, t]. */
export function weighted(p: Tensor, v: Tensor): Tensor {
  const [H, S, T] = p.shape as [number, number, number];
  const [K, , E] = v.shape as [number, number, number];
  const o = zeros([H, S, E]);
  for (let h = 0; h < H; h++) {
    const kv = Math.floor(h / (H / K));
    for (let s = 0; s < S; s++) {
      for (let t = 0; t < T; t++) {
        const weight = p.data[(h * S + s) * T + t]!;
        if (weight === 0) continue;
        for (let e = 0; e < E; e++) {
          const at = (h * S + s) * E + e;
          o.data[at] = o.data[at]! + weight * v.data[(kv * T + t) * E + e]!;
        }
      }
    }
  }
  return o;
}

export interface AttentionGradients {
  readonly dq: Tensor;
  readonly dk: Tensor;
  readonly dv: Tensor;
}

/**
 * With P the probabilities and dP = do·vᵀ, δ_s = Σ_t P·dP:
 *
 *     dZ = P ∘ (dP − δ),  dq = scale · dZ·k,  dk = scale · dZᵀ·q,  dv = Pᵀ·do,
 *
 * dk and dv summed over the query heads of a key head.
 */
export function gradients(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  dO: Tensor,
  p: Tensor,
  scale: number,
): AttentionGradients {
  const { H, K, S, T, E } = sizesFrom(q.shape, k.shape);
  const [dq, dk, dv] = [zeros(q.shape), zeros(k.shape), zeros(v.shape)];
  const dP = new Float64Array(T);
  for (let h = 0; h < H; h++) {
    const kv = Math.floor(h / (H / K));
    for (let s = 0; s < S; s++) {
      const q0 = (h * S + s) * E;
      let delta = 0;
      for (let t = 0; t < T; t++) {
        let dot = 0;
        for (let e = 0; e < E; e++) dot += dO.data[q0 + e]! * v.data[(kv * T + t) * E + e]!;
        dP[t] = dot;
        delta += dot * p.data[(h * S + s) * T + t]!;
      }
      for (let t = 0; t < T; t++) {
        const weight = p.data[(h * S + s) * T + t]!;
        if (weight === 0) continue;
        const dZ = scale * weight * (dP[t]! - delta);
        const k0 = (kv * T + t) * E;
        for (let e = 0; e < E; e++) {
          dq.data[q0 + e] = dq.data[q0 + e]! + dZ * k.data[k0 + e]!;
          dk.data[k0 + e] = dk.data[k0 + e]! + dZ * q.data[q0 + e]!;
          dv.data[k0 + e] = dv.data[k0 + e]! + weight * dO.data[q0 + e]!;
        }
      }
    }
  }
  return { dq, dk, dv };
}
