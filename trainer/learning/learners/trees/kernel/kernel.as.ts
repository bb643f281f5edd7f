/**
 * AssemblyScript, compiled to kernel.wasm by `npm run kernels`: all of boosting that touches rows. Its memory is shared
 * by threads, each with an instance of its own. layout.ts defines the addresses; memory.ts allocates the memory;
 * boost.ts controls the phases.
 *
 * Work is done in phases. A phase is divided into pieces by the data alone, never by the number of threads; any free
 * thread takes the next one, so a preempted thread takes fewer. No piece reads what another piece of its phase writes,
 * and every sum has a fixed order or is one of integers: the assignment of pieces to threads does not affect the
 * result.
 */
import { binGroup, packGroup } from './binning.as';
import { bag, differentiate, round } from './gradients.as';
import { histogramGroup } from './histogram.as';
import {
  ADD_LEAVES,
  BAG,
  BIN,
  CLAIM,
  CONDUCTOR_SLEEPS,
  DIFFERENTIATE,
  DONE,
  HISTOGRAM,
  KIND,
  LEAF_QUANTILES,
  MOVE,
  PACK,
  PART,
  PHASE,
  PIECES,
  ROUND,
  SLEEPERS,
  STOP,
  STOPPING_LOSS,
  SUM_LEAVES,
  WALK_UNSEEN,
} from './layout';
import { addLeafPiece, leafQuantile, stoppingLoss, sumLeafPiece, walkUnseen } from './leaves.as';
import { move, part } from './partition.as';

export { partAlone, collect } from './partition.as';
export { resolveSplit } from './split.as';

/** Polls of a word before the conductor waits: about 10 µs, less than a sleep and wake-up cost. */
const LOOKS: u32 = 4000;
/** A helper polls longer, since the conductor's work between two phases rarely ends within 10 µs. */
const HELPER_LOOKS: u32 = 30000;
/** Interval at which a sleeping conductor checks whether it was stopped. */
const SLEEP_NS: i64 = 200_000_000;

function work(kind: u32, piece: u32, thread: u32): void {
  switch (kind) {
    case BIN:
      return binGroup(piece, thread);
    case PACK:
      return packGroup(piece);
    case DIFFERENTIATE:
      return differentiate(piece);
    case ROUND:
      return round(piece);
    case HISTOGRAM:
      return histogramGroup(piece);
    case PART:
      return part(piece);
    case MOVE:
      return move(piece);
    case SUM_LEAVES:
      return sumLeafPiece(piece);
    case ADD_LEAVES:
      return addLeafPiece(piece);
    case WALK_UNSEEN:
      return walkUnseen(piece);
    case STOPPING_LOSS:
      return stoppingLoss(piece);
    case LEAF_QUANTILES:
      return leafQuantile(piece);
    case BAG:
      return bag(piece);
    default:
      unreachable();
  }
}

/** A phase by the calling thread alone. */
export function alone(kind: u32, pieces: u32): void {
  for (let piece: u32 = 0; piece < pieces; piece++) work(kind, piece, 0);
}

/**
 * Starts a phase with the helping threads and processes pieces of it; returns how many pieces that were. `finish` must
 * follow.
 */
export function begin(kind: u32, pieces: u32): u32 {
  store<u32>(KIND, kind);
  store<u32>(PIECES, pieces);
  atomic.store<u32>(DONE, 0);
  const phase = atomic.load<u32>(PHASE) + 1;
  atomic.store<u64>(CLAIM, ((phase as u64) << 32) | (pieces as u64));
  atomic.store<u32>(PHASE, phase);
  if (atomic.load<u32>(SLEEPERS) != 0) atomic.notify(PHASE, -1);
  return takePieces(phase, 0);
}

/** Waits until all pieces of the phase are done; returns 1 when it was stopped before. */
export function finish(): u32 {
  const pieces = load<u32>(PIECES);
  let looks: u32 = 0;
  while (true) {
    const done = atomic.load<u32>(DONE);
    if (done == pieces) return 0;
    if (atomic.load<u32>(STOP) != 0) return 1;
    if (++looks < LOOKS) continue;
    atomic.store<u32>(CONDUCTOR_SLEEPS, 1);
    atomic.wait<u32>(DONE, done, SLEEP_NS);
    atomic.store<u32>(CONDUCTOR_SLEEPS, 0);
  }
}

/** Loop of a helping thread until it is stopped. */
export function help(thread: u32): void {
  let seen: u32 = 0;
  while (true) {
    let looks: u32 = 0;
    let phase = atomic.load<u32>(PHASE);
    while (phase == seen) {
      if (++looks >= HELPER_LOOKS) {
        atomic.add<u32>(SLEEPERS, 1);
        atomic.wait<u32>(PHASE, seen, -1);
        atomic.sub<u32>(SLEEPERS, 1);
      }
      phase = atomic.load<u32>(PHASE);
    }
    if (atomic.load<u32>(STOP) != 0) return;
    seen = phase;
    takePieces(phase, thread);
  }
}

/**
 * A claim has its phase and the remaining pieces in one word, so that a late thread cannot take a piece of a later
 * phase for one of its own. The header is stable from a claim to the end of its piece.
 */
function takePieces(phase: u32, thread: u32): u32 {
  let taken: u32 = 0;
  while (true) {
    const claim = atomic.load<u64>(CLAIM);
    if (((claim >> 32) as u32) != phase || (claim as u32) == 0) return taken;
    if (atomic.cmpxchg<u64>(CLAIM, claim, claim - 1) != claim) continue;
    taken++;
    const pieces = load<u32>(PIECES);
    work(load<u32>(KIND), pieces - (claim as u32), thread);
    if (atomic.add<u32>(DONE, 1) + 1 == pieces && atomic.load<u32>(CONDUCTOR_SLEEPS) != 0) atomic.notify(DONE, 1);
  }
}
