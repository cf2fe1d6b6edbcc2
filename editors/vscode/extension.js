// Starts `anec lsp` and connects the editor to it.
const { workspace } = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

let client;

exports.activate = async () => {
  const settings = workspace.getConfiguration("anec");
  const server = { command: settings.get("command"), args: ["lsp", "--stdio"] };
  client = new LanguageClient("anec", "anec", server, {
    documentSelector: [{ language: "ane" }, { language: "mil" }],
    initializationOptions: { chip: settings.get("chip"), os: settings.get("os") },
  });
  await client.start();
};

exports.deactivate = () => client?.stop();
