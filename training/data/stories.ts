/**
 * Small stories of our own, made from templates: text to train on without a network.
 *
 * Every story keeps its hero, place and thing from the first sentence to the last, so there is
 * something to learn beyond the next word. The stories are the same on every machine.
 *
 *     One sunny day, Mia the rabbit went to the river. Mia wanted to find the red kite. …
 */
import { createRandom, type Random } from "../random.ts";

/**
 * Sentences with slots. {N} is the hero and {A} its kind, {M} the friend and {a} its kind, {b} a third
 * animal, {P} a place, {T} a thing of colour {C}; one value each for a whole story.
 */
const OPENINGS = [
  "Once upon a time there was a {size} {A} named {N}. {N} lived near the {P}.",
  "One {W} day, {N} the {A} went to the {P}.",
  "There was once a {size} {A}. Its name was {N}, and it loved the {P}.",
  "On a {W} morning, a {A} named {N} walked to the {P}.",
];

const WISHES = [
  "{N} wanted to find the {C} {T}.",
  'Mother said, "{N}, please bring me the {C} {T}."',
  "{N} had a {C} {T} and took it along.",
  "{N} dreamed of a {C} {T} every night.",
];

const TROUBLES = [
  "But the {T} fell into the water. {N} felt very {F}.",
  "But the {T} was not there. {N} looked and looked, and felt {F}.",
  "Then a big wind came and took the {T} away. {N} began to cry.",
  "But the {T} was high up in a tree, and {N} was too small.",
  "It began to rain, and {N} could not see the {T} any more.",
];

const MEETINGS = [
  'Just then {M} the {a} came by. "Why are you {F}?" asked {M}.',
  '"Can I help you?" said a voice. It was {M} the {a}.',
  "{M} the {a} saw it all and came to help.",
  "A {a} named {M} sat near the {P} and heard {N}.",
];

const ANSWERS = [
  '"I can not get my {C} {T}," said {N}.',
  '"My {T} is gone," said {N}. "It is {C}."',
  "{N} told {M} about the {C} {T}.",
];

const HELPS = [
  "{M} took a long stick and reached for the {T}.",
  "{M} jumped as high as a {a} can jump.",
  "{N} and {M} looked under every stone near the {P}.",
  "Together they pulled and pulled, and then they pulled once more.",
  "They asked the old {b}, who knew every path near the {P}.",
];

const RESULTS = [
  "At last they had the {C} {T}.",
  'Soon {M} held the {T} in the air. "Here it is!"',
  "And there it was, the {C} {T}, as good as new.",
];

const THANKS = [
  '"Thank you, {M}," said {N}. "You are a good friend."',
  "{N} was so happy that it danced.",
  "{N} gave {M} a big hug.",
  '"You are welcome," said {M} with a smile.',
];

const ENDINGS = [
  "From that day on, {N} and {M} played {V} near the {P} every day.",
  "Then the {A} and the {a} went home and ate {food}.",
  "When the sun went down, {N} slept and dreamed of the {C} {T}.",
  "{N} learned that a friend can help when you feel {F}.",
];

const MIDDLES = [
  "The sky was {sky} and the birds sang.",
  "{N} was a little tired, but did not stop.",
  "They shared some {food} and told each other stories.",
  "Near the {P} there was a {b} who liked {food}.",
  "It was a {W} day, and the {P} was quiet.",
  "{M} laughed, and {N} laughed too.",
];

const SLOTS = {
  N: ["Mia", "Tom", "Lily", "Ben", "Anna", "Max", "Sue", "Tim", "Lucy", "Sam", "Rosa", "Finn"],
  A: ["rabbit", "fox", "bear", "mouse", "duck", "cat", "dog", "frog", "bird", "pig", "hen", "goat"],
  P: ["river", "forest", "lake", "hill", "garden", "barn", "meadow", "beach", "bridge", "pond"],
  C: ["red", "blue", "green", "yellow", "white", "black", "golden", "pink"],
  T: ["kite", "ball", "hat", "boat", "drum", "book", "bell", "shell", "key", "lamp", "cup", "doll"],
  W: ["sunny", "rainy", "windy", "cold", "warm", "bright"],
  F: ["sad", "lost", "afraid", "lonely", "angry"],
  V: ["ball", "music", "chess", "tag"],
  size: ["small", "big", "little", "brave", "shy", "clever"],
  food: ["apples", "bread", "soup", "nuts", "berries", "cake", "honey"],
  sky: ["blue", "grey", "clear"],
} as const;

const PARTS = [
  OPENINGS,
  WISHES,
  TROUBLES,
  MEETINGS,
  ANSWERS,
  HELPS,
  RESULTS,
  THANKS,
  ENDINGS,
] as const;

/** How many stories the built-in corpus has. */
export const STORY_COUNT = 1500;

/** The built-in stories. */
export function makeStories(count = STORY_COUNT): string[] {
  const random = createRandom(20);
  return Array.from({ length: count }, () => makeStory(random));
}

function makeStory(random: Random): string {
  const pick = (list: readonly string[]): string => list[random.uniformIndex(list.length)]!;
  const pickOther = (list: readonly string[], ...taken: readonly string[]): string =>
    pick(list.filter((item) => !taken.includes(item)));

  const values: Record<string, string> = {};
  for (const [slot, words] of Object.entries(SLOTS)) values[slot] = pick(words);
  values["M"] = pickOther(SLOTS.N, values["N"]!);
  values["a"] = pickOther(SLOTS.A, values["A"]!);
  values["b"] = pickOther(SLOTS.A, values["A"]!, values["a"]);

  const sentences: string[] = [];
  for (const [i, part] of PARTS.entries()) {
    sentences.push(pick(part));
    // The friend is known from the fourth part on.
    if (i >= 3 && random.drand48() < 0.3) sentences.push(pick(MIDDLES));
  }
  const text = sentences.map((sentence) =>
    sentence.replace(/\{(\w+)\}/g, (_, slot: string) => values[slot]!),
  );
  const half = text.length >> 1;
  return `${text.slice(0, half).join(" ")}\n\n${text.slice(half).join(" ")}\n`;
}

/** Every word that can occur in a story, alone and behind a blank; sorted. No piece is a single byte. */
export function storyWords(): string[] {
  const words = new Set<string>();
  const templates = [...PARTS, MIDDLES].flat().map((t) => t.replace(/\{\w+\}/g, "."));
  for (const text of [...templates, ...Object.values(SLOTS).flat()]) {
    for (const [word] of text.matchAll(/[A-Za-z]+/g)) words.add(word);
  }
  const pieces = [...words].sort().flatMap((word) => [word, ` ${word}`]);
  return pieces.filter((piece) => piece.length > 1);
}
