/**
 * The training steps that others published, as work: which programs run, what the host writes, reads
 * and computes.
 *
 * `full` is the ten-kernel set of maderix/ANE's dynamic pipeline, in which weights lie beside the
 * activations of a surface; `fused` has eight kernels; `matmul` runs forward products only.
 * Letters are those of the architecture's glossary; Q = H·E and KV = K·E.
 */
import type { HostWork } from "../../compiler/target/cost.ts";
import { NO_WORK, type Work } from "../../compiler/target/cost_work.ts";

export interface StepConfig {
  readonly D: number;
  readonly F: number;
  readonly H: number;
  readonly K: number;
  readonly E: number;
  readonly S: number;
  readonly L: number;
  /** Classes of the classifier on the host. */
  readonly V: number;
}

/** One direction of a step. */
export interface Direction {
  readonly works: readonly Work[];
  /** fp16 bytes the host writes and reads. */
  readonly written: number;
  readonly read: number;
  /** fp16 bytes copied from surface to surface. */
  readonly copied: number;
}

export type HostPart = "norms" | "silu" | "classifier" | "captures" | "attention";

export interface Step {
  readonly forward: Direction;
  readonly backward: Direction;
  readonly host: Readonly<Record<HostPart, Partial<HostWork>>>;
  /** Flops of the gradients of weights, on the host. */
  readonly weightFlops: number;
}

const HALF = 2;
const FLOAT = 4;

interface Kernel {
  /** Elements of the input surface, and of those the activations that the host writes. */
  readonly input: number;
  readonly written: number;
  readonly output: number;
  readonly read: number;
  readonly copied?: number;
  readonly flops: number;
  readonly softmax?: number;
  readonly ops: number;
}

const workOfKernel = ({ input, output, flops, softmax = 0, ops }: Kernel): Work => ({
  ...NO_WORK,
  flops,
  surfaceBytes: HALF * (input + output),
  movedBytes: HALF * (input + output),
  reducedElements: softmax,
  ops,
});

function direction(kernels: readonly Kernel[], layers: number): Direction {
  const sum = (f: (k: Kernel) => number): number =>
    HALF * layers * kernels.reduce((total, k) => total + f(k), 0);
  return {
    works: Array.from({ length: layers }, () => kernels.map(workOfKernel)).flat(),
    written: sum((k) => k.written),
    read: sum((k) => k.read),
    copied: sum((k) => k.copied ?? 0),
  };
}

function sizes({ D, F, H, K, E, S }: StepConfig) {
  const [Q, KV] = [H * E, K * E];
  return { D, F, S, Q, KV, scores: H * S * S, product: 2 * H * S * S * E };
}

/** A product with its weights in the surface: [in, S + out]. */
function product(from: number, to: number, S: number): Kernel {
  return {
    input: from * (S + to),
    written: from * S,
    output: to * S,
    read: to * S,
    flops: 2 * S * from * to,
    ops: 8,
  };
}

function forwardKernels(c: StepConfig): { sdpa: Kernel; out: Kernel; feed: Kernel } {
  const { D, F, S, Q, KV, scores, product: p } = sizes(c);
  return {
    sdpa: {
      input: D * (S + Q + 2 * KV),
      written: D * S,
      output: (2 * Q + 2 * KV + D) * S,
      read: (2 * Q + 2 * KV) * S,
      flops: 2 * S * D * (Q + 2 * KV) + 2 * p,
      softmax: scores,
      ops: 56,
    },
    out: product(Q, D, S),
    feed: {
      input: D * (2 * S + 3 * F),
      written: 2 * D * S,
      output: (D + 3 * F) * S,
      read: (D + 3 * F) * S,
      flops: 6 * S * D * F,
      ops: 28,
    },
  };
}

function backwardKernels(c: StepConfig): readonly Kernel[] {
  const { D, F, S, Q, KV, scores, product: p } = sizes(c);
  return [
    product(D, F, S),
    {
      input: F * (2 * S + 2 * D),
      written: 2 * F * S,
      output: D * S,
      read: D * S,
      flops: 4 * S * D * F,
      ops: 15,
    },
    product(D, Q, S),
    {
      input: 4 * Q * S,
      written: 4 * Q * S,
      output: Q * S + 2 * scores,
      read: Q * S,
      flops: 3 * p,
      softmax: scores,
      ops: 23,
    },
    {
      input: 2 * Q * S + 2 * scores,
      written: 2 * Q * S,
      output: 2 * Q * S,
      read: 2 * Q * S,
      copied: 2 * scores,
      flops: 2 * p,
      softmax: scores,
      ops: 22,
    },
    product(Q, D, S),
    {
      input: KV * (2 * S + 2 * D),
      written: 2 * KV * S,
      output: D * S,
      read: D * S,
      flops: 4 * S * KV * D,
      ops: 15,
    },
  ];
}

function hostParts(c: StepConfig): Step["host"] {
  const { D, F, S, Q, KV, product: p, scores } = sizes(c);
  const streamed = (elements: number): Partial<HostWork> => ({
    streamedBytes: FLOAT * c.L * S * elements,
  });
  return {
    // Two norms of a layer and their gradients, with the residual sums between them.
    norms: streamed(2 * 4 * D + 2 * 6 * D),
    silu: streamed(5 * F),
    captures: streamed(2 * (3 * D + 3 * F + 2 * Q + 2 * KV + D)),
    attention: { flops: c.L * 7 * p, streamedBytes: FLOAT * c.L * 6 * scores },
    // Logits, gradient of the activations, gradient of the table; softmax over the classes.
    classifier: { flops: 6 * S * c.V * D, streamedBytes: FLOAT * 3 * S * c.V },
  };
}

/** Parameters of the matrices of a layer. */
export function layerParameters({ D, F, H, K, E }: StepConfig): number {
  return 2 * D * H * E + 2 * D * K * E + 3 * D * F;
}

const weightFlops = (c: StepConfig): number => 2 * c.L * c.S * layerParameters(c);

/** Ten kernels a layer. */
export function fullStep(c: StepConfig): Step {
  const { sdpa, out, feed } = forwardKernels(c);
  return {
    forward: direction([sdpa, out, feed], c.L),
    backward: direction(backwardKernels(c), c.L),
    host: hostParts(c),
    weightFlops: weightFlops(c),
  };
}

/** Eight kernels a layer: the output projection runs with attention, one kernel for dq, dk and dv. */
export function fusedStep(c: StepConfig): Step {
  const { D, S, Q, KV } = sizes(c);
  const { sdpa, out, feed } = forwardKernels(c);
  const first: Kernel = {
    ...sdpa,
    input: D * (S + Q + 2 * KV) + Q * D,
    output: (D + 2 * Q + 2 * KV) * S,
    read: (D + 2 * Q + 2 * KV) * S,
    flops: sdpa.flops + out.flops,
    ops: 39,
  };
  const [w2, w13, wo, attention, scores, dq, dkv] = backwardKernels(c) as [
    Kernel,
    Kernel,
    Kernel,
    Kernel,
    Kernel,
    Kernel,
    Kernel,
  ];
  const last: Kernel = {
    ...dq,
    input: dq.input + dkv.input,
    written: dq.written + dkv.written,
    flops: dq.flops + dkv.flops,
    ops: 22,
  };
  return {
    forward: direction([first, feed], c.L),
    backward: direction([w2, w13, wo, attention, scores, last], c.L),
    host: hostParts(c),
    weightFlops: weightFlops(c),
  };
}

/** Seven forward products a layer; attention and the whole backward pass are the host's. */
export function matmulStep(c: StepConfig): Step {
  const { D, F, S, Q, KV } = sizes(c);
  const kernels = [
    product(D, Q, S),
    product(D, KV, S),
    product(D, KV, S),
    product(Q, D, S),
    product(D, F, S),
    product(D, F, S),
    product(F, D, S),
  ];
  return {
    forward: direction(kernels, c.L),
    backward: direction([], c.L),
    host: hostParts(c),
    weightFlops: weightFlops(c),
  };
}

/** Weights baked into six kernels a layer; activations are the surfaces. */
export function staticStep(c: StepConfig): Step {
  const { D, F, S, Q, KV, scores, product: p } = sizes(c);
  const P = layerParameters(c);
  const kernel = (work: Partial<Work>): Work => ({ ...NO_WORK, ops: 20, ...work });
  const projections = D * (2 * Q + 2 * KV);
  const forward = [
    kernel({
      flops: 2 * S * projections + 2 * p,
      weightBytes: HALF * projections,
      surfaceBytes: HALF * S * (D + 6 * D),
      reducedElements: scores,
    }),
    kernel({
      flops: 6 * S * D * F,
      weightBytes: HALF * 3 * D * F,
      surfaceBytes: HALF * S * (3 * D + 3 * F),
    }),
  ];
  const backward = [
    kernel({
      flops: 6 * S * D * F,
      weightBytes: HALF * 3 * D * F,
      surfaceBytes: HALF * S * (2 * D + 5 * F),
    }),
    kernel({
      flops: 2 * S * D * Q + 3 * p,
      weightBytes: HALF * D * Q,
      surfaceBytes: HALF * (S * 5 * Q + 2 * scores),
      reducedElements: scores,
    }),
    kernel({
      flops: 2 * p,
      surfaceBytes: HALF * (4 * Q * S + 2 * scores),
      reducedElements: scores,
    }),
    kernel({
      flops: 2 * S * D * (Q + 2 * KV),
      weightBytes: HALF * D * (Q + 2 * KV),
      surfaceBytes: HALF * S * (Q + 2 * KV + D),
    }),
  ];
  const all = (works: readonly Work[]): Work[] => Array.from({ length: c.L }, () => works).flat();
  return {
    forward: {
      works: all(forward),
      written: HALF * c.L * 2 * D * S,
      read: HALF * c.L * S * (8 * D + 3 * F),
      copied: 0,
    },
    backward: {
      works: all(backward),
      written: HALF * c.L * 2 * D * S,
      read: HALF * c.L * S * (2 * D + 2 * F),
      copied: HALF * c.L * S * (8 * D + 2 * F + 2 * c.H * S),
    },
    host: hostParts(c),
    weightFlops: 2 * c.L * S * P,
  };
}
