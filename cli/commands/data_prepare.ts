/** `anec data prepare`: texts to a token file. */
import type { Command } from "commander";
import { prepare } from "../../training/data/prepare.ts";
import { metadataPath, type TokenMetadata } from "../../training/data/token_file.ts";
import { loadTokenizer, tokenizerNames } from "../../training/data/tokenizers.ts";
import { type Call, EXIT } from "../command.ts";
import { dataProgress } from "../data_output.ts";
import { type JsonFlag, jsonFlag, tokenizerFlag } from "../flags.ts";
import { bytesText, count, grouped, jsonLine, pairs } from "../output.ts";
import { checkOutputFile } from "../output_paths.ts";

interface Flags extends JsonFlag {
  readonly out: string;
  readonly tokenizer: string;
  readonly field: string;
}

export const command = {
  examples: [
    "anec data prepare book.txt --out book",
    "anec data prepare a.jsonl b.jsonl --out pages --field body",
    "anec train --model tiny --data book.bin",
  ],

  define(c: Command): void {
    c.argument("<inputs...>", "texts; .jsonl and .ndjson hold one JSON object a line")
      .requiredOption("--out <name>", "NAME.bin and NAME.json are written")
      .option(
        "--tokenizer <name>",
        `how text becomes ids: ${tokenizerNames.join(", ")}, or a tokenizer.json`,
        tokenizerFlag,
        "gpt2",
      )
      .option("--field <name>", "the field of JSON lines that holds the text", "text");
    jsonFlag(c);
  },

  async run({ io, args, flags }: Call<Flags>): Promise<number> {
    const output = flags.out.endsWith(".bin") ? flags.out : `${flags.out}.bin`;
    const inputs = args.map((path) => ({ path, what: `the input \`${path}\`` }));
    checkOutputFile("--out", output, inputs);
    checkOutputFile("--out", metadataPath(output), inputs);
    const progress = dataProgress(io.err);
    let metadata: TokenMetadata;
    try {
      metadata = prepare({
        input: args,
        output,
        tokenizer: await loadTokenizer(flags.tokenizer),
        field: flags.field,
        onProgress: progress.report,
      });
    } finally {
      progress.end();
    }
    if (flags.json === true) {
      io.out.write(jsonLine({ path: output, ...metadata }));
      return EXIT.ok;
    }
    const { tokens, bytesPerToken, vocabulary, tokenizer, source, split } = metadata;
    io.out.write(
      pairs([
        ["text", `${count(source.documents, "document")}, ${bytesText(source.bytes)}`],
        [
          "tokens",
          `${grouped(tokens)} (${grouped(split.valStart)} to train on, ${grouped(tokens - split.valStart)} to validate)`,
        ],
        [
          "tokenizer",
          `${tokenizer}, ${grouped(vocabulary)} ids, ${bytesPerToken.toFixed(2)} bytes a token`,
        ],
      ]) + `\nwrote ${output} and ${metadataPath(output)}\n`,
    );
    return EXIT.ok;
  },
};
