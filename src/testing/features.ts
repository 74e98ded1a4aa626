/** What graphs may hold, one switch each, so that a store with limits is tested on what it promises and no more. */

/**
 * The switches:
 * - `labels`: labels other than the single `Memory`, several of them, or none;
 * - `properties`: property names and values other than those of memories and their relationships;
 * - `types`: relationship types other than those that MemoryGraph programs use;
 * - `odd-keys`: keys that are not UUIDs;
 * - `generated-keys`: nodes whose key is not their `id` property;
 * - `unkeyed`: relationships without a key;
 * - `parallel`: several relationships of one type between the same two nodes;
 * - `self-loops`: relationships from a node to itself;
 * - `several-places`: not of graphs but of harnesses: two places can exist at once;
 * - `spoil`: likewise: `Place.spoil` is given;
 * - `refuse`: likewise: `Place.refuse` is given.
 */
export const FEATURES = [
  "labels",
  "properties",
  "types",
  "odd-keys",
  "generated-keys",
  "unkeyed",
  "parallel",
  "self-loops",
  "several-places",
  "spoil",
  "refuse"
] as const
/** Something that not every store can have. */
export type Feature = (typeof FEATURES)[number]

/** What a store that holds memories and their relationships in fixed columns does without. */
export const MEMORIES_ONLY: ReadonlyArray<Feature> = ["labels", "properties", "types", "generated-keys", "unkeyed"]
