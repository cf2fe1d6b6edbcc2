/** What is known of each chip against programs: the verdict of `anec mil check --chip`, for all chips at once. */
import type { MilProgram } from "../compiler/mil/tree.ts";
import { positionAt } from "../compiler/support/source.ts";
import { diagnosticOf, findForChip, howKnown } from "../compiler/target/check_chip.ts";
import { CHIP_NAMES, type ChipName, familyOf } from "../compiler/target/chip_names.ts";
import { appliesTo, type Fact } from "../compiler/target/facts/define.ts";
import { facts } from "../compiler/target/facts/index.ts";
import type { BlobFiles } from "../compiler/target/facts/walk.ts";
import type { FactsData, FactVerdict } from "./model/data.ts";

/** A program to check, with its weight files by the name that it gives them. */
export interface CheckedProgram {
  readonly name: string;
  readonly program: MilProgram;
  readonly files?: BlobFiles;
}

/** Places that are listed for one chip. */
const SHOWN = 6;

export interface FactsOptions {
  readonly chips?: readonly ChipName[];
  /** See `ChipTarget`. */
  readonly os?: string;
  /** Called after each check of a program for a chip. */
  readonly onProgress?: (done: number, all: number) => void;
}

/** Checks programs that pass `checkMil`. */
export function factsData(
  programs: readonly CheckedProgram[],
  { chips = CHIP_NAMES, os, onProgress }: FactsOptions = {},
): FactsData {
  const found = new Map<Fact, Found>();
  let done = 0;
  for (const chip of chips) {
    for (const { name, program, files } of programs) {
      const target = {
        chip,
        ...(os === undefined ? {} : { os }),
        ...(files === undefined ? {} : { files }),
      };
      for (const { fact, findings } of findForChip(program, target)) {
        const entry = found.get(fact) ?? {
          diagnostic: diagnosticOf(fact, findings),
          places: {},
          counts: {},
        };
        found.set(fact, entry);
        const places = entry.places[chip] ?? [];
        entry.places[chip] = places;
        entry.counts[chip] = (entry.counts[chip] ?? 0) + findings.length;
        for (const { title, span } of findings) {
          if (places.length === SHOWN) break;
          const line = span === undefined ? "" : `:${positionAt(span.source, span.start).line}`;
          places.push(`${name}${line}: ${title}`);
        }
      }
      done += 1;
      onProgress?.(done, chips.length * programs.length);
    }
  }
  const looked = facts.filter((fact) => fact.check !== undefined);
  const applies = (fact: Fact, chip: ChipName): boolean => appliesTo(fact, familyOf(chip), os);
  const verdicts = [...found].map(
    ([fact, { diagnostic, places, counts }]): FactVerdict => ({
      ...{ id: fact.id, statement: fact.statement, kind: fact.kind, workaround: fact.workaround },
      ...{
        known: howKnown(fact),
        isContested: fact.verdict === "depends",
        severity: diagnostic.severity,
        code: diagnostic.code,
        places,
        counts,
      },
      evidence: fact.evidence.map((e) => [`${e.source} (${e.confidence}, ${e.says})`, e.note]),
    }),
  );
  return {
    chips,
    checked: Object.fromEntries(
      chips.map((chip) => [chip, looked.filter((fact) => applies(fact, chip)).length]),
    ),
    verdicts: verdicts.sort((a, b) => rank(a) - rank(b) || (a.id < b.id ? -1 : 1)),
    met: looked
      .filter((fact) => !found.has(fact) && chips.some((chip) => applies(fact, chip)))
      .map((fact) => [fact.id, fact.statement]),
  };
}

interface Found {
  readonly diagnostic: ReturnType<typeof diagnosticOf>;
  readonly places: Record<string, string[]>;
  readonly counts: Record<string, number>;
}

const rank = ({ severity, kind }: FactVerdict): number =>
  severity === "error" ? 0 : kind === "warn" || kind === "cost" || kind === "numerics" ? 2 : 1;
