/** Improves a partition by moving single items, swapping pairs and moving chains of two, as long as that pays. */

import { stabilityOf } from '../rates.ts';
import type { PackColumns } from './pack-model.ts';

/** Rounds over all moves and swaps; a bound for hostile inputs, real ones need fewer than ten. */
const MAX_ROUNDS = 40;
/** Least gain, as a share of all bytes: below it, rounding would decide. */
const LEAST_GAIN = 1e-11;

/**
 * The state of the search. A layer keeps S exp(-W) bytes a week; the sum over layers is what grows. Sums of sizes
 * and rates are integers, so nothing drifts.
 */
class Search {
  readonly #columns: PackColumns;
  readonly #layer: Int32Array;
  readonly #layers: number;
  readonly #size: Float64Array;
  readonly #rate: Float64Array;
  /** exp(-W) of each layer, and the bytes it keeps. */
  readonly #stay: Float64Array;
  readonly #kept: Float64Array;
  readonly #itemStay: Float64Array;
  /** exp(-W) of an item's layer without the item, valid while `seen` equals the layer's version. */
  readonly #without: Float64Array;
  readonly #seen: Int32Array;
  readonly #version: Int32Array;
  readonly #leastGain: number;

  constructor(columns: PackColumns, layer: Int32Array, layers: number) {
    this.#columns = columns;
    this.#layer = layer;
    this.#layers = layers;
    this.#size = new Float64Array(layers);
    this.#rate = new Float64Array(layers);
    this.#stay = new Float64Array(layers).fill(1);
    this.#kept = new Float64Array(layers);
    this.#itemStay = columns.rate.map((rate) => stabilityOf(rate));
    this.#without = new Float64Array(columns.count);
    this.#seen = new Int32Array(columns.count).fill(-1);
    this.#version = new Int32Array(layers);
    let total = 0;
    for (let item = 0; item < columns.count; item++) {
      this.#add(item, layer[item] as number, 1);
      total += columns.size[item] as number;
    }
    for (let at = 0; at < layers; at++) this.#refresh(at);
    this.#leastGain = total * LEAST_GAIN;
  }

  #add(item: number, to: number, sign: 1 | -1): void {
    this.#size[to] = (this.#size[to] as number) + sign * (this.#columns.size[item] as number);
    this.#rate[to] = (this.#rate[to] as number) + sign * (this.#columns.rate[item] as number);
  }

  #refresh(at: number): void {
    this.#stay[at] = stabilityOf(this.#rate[at] as number);
    this.#kept[at] = (this.#size[at] as number) * (this.#stay[at] as number);
    this.#version[at] = (this.#version[at] as number) + 1;
  }

  #relocate(item: number, to: number): void {
    const from = this.#layer[item] as number;
    this.#add(item, from, -1);
    this.#add(item, to, 1);
    this.#layer[item] = to;
  }

  #stayWithout(item: number): number {
    const at = this.#layer[item] as number;
    if (this.#seen[item] !== this.#version[at]) {
      this.#without[item] = stabilityOf((this.#rate[at] as number) - (this.#columns.rate[item] as number));
      this.#seen[item] = this.#version[at] as number;
    }
    return this.#without[item] as number;
  }

  /** Moves every item to the layer where it does best; tells whether anything moved. */
  moveAll(): boolean {
    let moved = false;
    for (let item = 0; item < this.#columns.count; item++) {
      const to = this.#bestLayer(item);
      if (to < 0) continue;
      const from = this.#layer[item] as number;
      this.#relocate(item, to);
      this.#refresh(from);
      this.#refresh(to);
      moved = true;
    }
    return moved;
  }

  /** What the layer of an item keeps more without it. */
  #gainOfLeaving(item: number): number {
    const from = this.#layer[item] as number;
    const size = this.#columns.size[item] as number;
    return ((this.#size[from] as number) - size) * this.#stayWithout(item) - (this.#kept[from] as number);
  }

  #bestLayer(item: number): number {
    const from = this.#layer[item] as number;
    const size = this.#columns.size[item] as number;
    const stay = this.#itemStay[item] as number;
    const left = this.#gainOfLeaving(item);
    let best = -1;
    let bestGain = this.#leastGain;
    for (let to = 0; to < this.#layers; to++) {
      const kept = this.#kept[to] as number;
      const gain = left + (kept + size * (this.#stay[to] as number)) * stay - kept;
      if (gain > bestGain && to !== from) {
        bestGain = gain;
        best = to;
      }
    }
    return best;
  }

  /** Swaps every pair that gains; tells whether any did. */
  swapAll(): boolean {
    let swapped = false;
    for (let a = 0; a < this.#columns.count; a++) {
      for (let b = a + 1; b < this.#columns.count; b++) {
        if (this.#layer[a] === this.#layer[b] || this.#swapGain(a, b) <= this.#leastGain) continue;
        this.#swap(a, b);
        swapped = true;
      }
    }
    return swapped;
  }

  #swapGain(a: number, b: number): number {
    const layerA = this.#layer[a] as number;
    const layerB = this.#layer[b] as number;
    const difference = (this.#columns.size[b] as number) - (this.#columns.size[a] as number);
    const keptA =
      ((this.#size[layerA] as number) + difference) * this.#stayWithout(a) * (this.#itemStay[b] as number);
    const keptB =
      ((this.#size[layerB] as number) - difference) * this.#stayWithout(b) * (this.#itemStay[a] as number);
    return keptA + keptB - (this.#kept[layerA] as number) - (this.#kept[layerB] as number);
  }

  #swap(a: number, b: number): void {
    const layerA = this.#layer[a] as number;
    const layerB = this.#layer[b] as number;
    this.#relocate(a, layerB);
    this.#relocate(b, layerA);
    this.#refresh(layerA);
    this.#refresh(layerB);
  }

  /** Best and second best layer for every item to go to, and what those gain without what its own loses. */
  #wishes(): Wishes {
    const { count, size } = this.#columns;
    const wishes = {
      first: new Int32Array(count).fill(-1),
      second: new Int32Array(count).fill(-1),
      gain: new Float64Array(count).fill(Number.NEGATIVE_INFINITY),
      next: new Float64Array(count).fill(Number.NEGATIVE_INFINITY),
    };
    for (let item = 0; item < count; item++) {
      const bytes = size[item] as number;
      const stay = this.#itemStay[item] as number;
      for (let to = 0; to < this.#layers; to++) {
        const kept = this.#kept[to] as number;
        const gain = (kept + bytes * (this.#stay[to] as number)) * stay - kept;
        if (to !== this.#layer[item]) noteWish(wishes, item, to, gain);
      }
    }
    return wishes;
  }

  /**
   * Moves an item and, from the layer it comes to, another one on to a third, where the two together gain: neither
   * alone would. Tells whether anything moved.
   */
  chainAll(): boolean {
    let wishes = this.#wishes();
    let chained = false;
    for (let item = 0; item < this.#columns.count; item++) {
      const second = this.#bestChain(item, wishes);
      if (second < 0) continue;
      const from = this.#layer[item] as number;
      const through = this.#layer[second] as number;
      const to = wishTo(wishes, second, from);
      this.#relocate(second, to);
      this.#relocate(item, through);
      for (const layer of [from, through, to]) this.#refresh(layer);
      wishes = this.#wishes();
      chained = true;
    }
    return chained;
  }

  #bestChain(item: number, wishes: Wishes): number {
    const from = this.#layer[item] as number;
    const size = this.#columns.size[item] as number;
    const stay = this.#itemStay[item] as number;
    const left = this.#gainOfLeaving(item);
    let best = -1;
    let bestGain = this.#leastGain;
    for (let other = 0; other < this.#columns.count; other++) {
      const through = this.#layer[other] as number;
      if (through === from || wishTo(wishes, other, from) < 0) continue;
      const bytes = (this.#size[through] as number) + size - (this.#columns.size[other] as number);
      const kept = bytes * this.#stayWithout(other) * stay - (this.#kept[through] as number);
      const wish = (wishes.first[other] === from ? wishes.next[other] : wishes.gain[other]) as number;
      if (left + kept + wish <= bestGain) continue;
      bestGain = left + kept + wish;
      best = other;
    }
    return best;
  }
}

/** For every item the two layers that gain most by taking it (-1: none), and what they gain. */
interface Wishes {
  readonly first: Int32Array;
  readonly second: Int32Array;
  readonly gain: Float64Array;
  readonly next: Float64Array;
}

function noteWish(wishes: Wishes, item: number, to: number, gain: number): void {
  if (gain > (wishes.gain[item] as number)) {
    wishes.second[item] = wishes.first[item] as number;
    wishes.next[item] = wishes.gain[item] as number;
    wishes.first[item] = to;
    wishes.gain[item] = gain;
  } else if (gain > (wishes.next[item] as number)) {
    wishes.second[item] = to;
    wishes.next[item] = gain;
  }
}

/** Where an item would go, were `taken` not there; -1 for nowhere. */
function wishTo(wishes: Wishes, item: number, taken: number): number {
  return (wishes.first[item] === taken ? wishes.second[item] : wishes.first[item]) as number;
}

/**
 * Improves `layer` (item to layer, 0 to layers - 1) in place until no move, swap or chain gains, or the rounds are
 * used up. Items are tried in their order, layers in theirs, so the result depends on nothing else.
 */
export function improve(columns: PackColumns, layer: Int32Array, layers: number): void {
  const search = new Search(columns, layer, layers);
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const moved = search.moveAll();
    // Pairs are dearer and rarely needed before the moves are done.
    if (!moved && !search.swapAll() && !search.chainAll()) return;
  }
}
