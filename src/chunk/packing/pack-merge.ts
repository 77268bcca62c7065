/** Agglomerative packing: every item a layer, then the two layers whose union costs least are merged, until K are left. */

import { stabilityOf } from '../rates.ts';
import type { PackColumns } from './pack-model.ts';

/**
 * Clusters and, for each, its cheapest partner. When a partner is gone the entry is kept as a lower bound and only
 * renewed when it comes up: removing clusters cannot make the rest cheaper, and new clusters are offered to all.
 */
class Clusters {
  readonly #size: Float64Array;
  readonly #rate: Float64Array;
  readonly #stay: Float64Array;
  readonly #partner: Int32Array;
  readonly #price: Float64Array;
  readonly #parent: Int32Array;
  /** Live clusters in ascending order. */
  #alive: Int32Array;

  constructor(columns: PackColumns) {
    this.#size = columns.size.slice();
    this.#rate = columns.rate.slice();
    this.#stay = columns.rate.map((rate) => stabilityOf(rate));
    this.#parent = new Int32Array(columns.count).fill(-1);
    this.#partner = new Int32Array(columns.count).fill(-1);
    this.#price = new Float64Array(columns.count).fill(Number.POSITIVE_INFINITY);
    this.#alive = Int32Array.from({ length: columns.count }, (_, index) => index);
    for (const cluster of this.#alive) this.#renew(cluster);
  }

  get count(): number {
    return this.#alive.length;
  }

  /** Growth of the cost when two clusters become one. */
  #mergePrice(a: number, b: number): number {
    const stayA = this.#stay[a] as number;
    const stayB = this.#stay[b] as number;
    return (this.#size[a] as number) * stayA * (1 - stayB) + (this.#size[b] as number) * stayB * (1 - stayA);
  }

  /** Each pair is kept once, with its lesser cluster. */
  #renew(cluster: number): void {
    let partner = -1;
    let price = Number.POSITIVE_INFINITY;
    for (let at = this.#alive.length - 1; at >= 0; at--) {
      const other = this.#alive[at] as number;
      if (other <= cluster) break;
      const offer = this.#mergePrice(cluster, other);
      if (offer <= price) {
        price = offer;
        partner = other;
      }
    }
    this.#partner[cluster] = partner;
    this.#price[cluster] = price;
  }

  /** Merges the cheapest pair, the first of equals. */
  mergeCheapest(): void {
    for (;;) {
      let cheapest = this.#alive[0] as number;
      for (const cluster of this.#alive) {
        if ((this.#price[cluster] as number) < (this.#price[cheapest] as number)) cheapest = cluster;
      }
      const partner = this.#partner[cheapest] as number;
      // A partner that is gone, or has grown since, makes the price a bound only.
      if (this.#parent[partner] === -1 && this.#price[cheapest] === this.#mergePrice(cheapest, partner)) {
        this.#merge(cheapest, partner);
        return;
      }
      this.#renew(cheapest);
    }
  }

  #merge(into: number, gone: number): void {
    this.#size[into] = (this.#size[into] as number) + (this.#size[gone] as number);
    this.#rate[into] = (this.#rate[into] as number) + (this.#rate[gone] as number);
    this.#stay[into] = stabilityOf(this.#rate[into] as number);
    this.#parent[gone] = into;
    this.#alive = this.#alive.filter((cluster) => cluster !== gone);
    this.#renew(into);
    for (const cluster of this.#alive) {
      if (cluster >= into) break;
      this.#offer(cluster, into);
    }
  }

  #offer(cluster: number, grown: number): void {
    const price = this.#mergePrice(cluster, grown);
    if (price >= (this.#price[cluster] as number)) return;
    this.#price[cluster] = price;
    this.#partner[cluster] = grown;
  }

  /** Layer of every item, numbered in the order of the clusters. */
  layers(): Int32Array {
    const number = new Map([...this.#alive].map((cluster, index) => [cluster, index]));
    return this.#parent.map((_, item) => {
      let cluster = item;
      while ((this.#parent[cluster] as number) >= 0) cluster = this.#parent[cluster] as number;
      return number.get(cluster) as number;
    });
  }
}

/** Layer of every item when the cheapest pairs are merged until at most `layers` are left. */
export function packByMerging(columns: PackColumns, layers: number): Int32Array {
  const clusters = new Clusters(columns);
  while (clusters.count > layers) clusters.mergeCheapest();
  return clusters.layers();
}
