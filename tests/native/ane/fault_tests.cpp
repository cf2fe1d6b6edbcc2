// Each failure the engine is reported to have, alone and in random sequences.

#include "check.h"

using namespace anec::ane;
using namespace anec::test;

namespace {

// The same program with something else in place of its second statement.
ProgramSource with_statement(const std::string& statement) {
  ProgramSource source = difference();
  const size_t from = source.mil.find("tensor<fp16, [1, 4, 1, 32]> z"),
               to = source.mil.find('\n', from);
  source.mil.replace(from, to - from, statement);
  return source;
}

}  // namespace

TEST("a compile that fails for a moment is tried again") {
  auto device = open_device("transient-compile=first:2");
  auto program = MUST(device->compile(difference()));
  EXPECT_EQUAL(device->counts().compiles.load(), 3);
  EXPECT_PART(said,
              "compiling `difference` failed and is tried again: Error "
              "Domain=com.apple.appleneuralengine.compiler "
              "Code=1 \"_ANECompiler : ANECCompile() FAILED (err=(CompilationFailure))\"");
  MUST(run_difference(*device, *program));
  program.reset();
  expect_clean();
}

TEST("a compile that keeps failing is an error with the compiler's words") {
  auto device = open_device("transient-compile=every:1");
  EXPECT_ERROR(device->compile(difference()), "E0621", "refused to compile program `difference`");
  EXPECT_EQUAL(device->counts().compiles.load(), 5);
  expect_clean();
}

TEST("a text the compiler does not understand is not tried again") {
  auto device = open_device();
  const std::string type = "tensor<fp16, [1, 4, 1, 32]>";
  EXPECT_ERROR(
      device->compile(with_statement(type + " z = no_such_op(x = d)[name = string(\"z\")];")),
      "E0621", "InvalidMILProgram");
  EXPECT_ERROR(device->compile(with_statement(type + " z = rsqrt(x = d)[name = string(\"z\")];")),
               "E0621", "InvalidMILProgram");
  EXPECT_ERROR(device->compile(with_statement("")), "E0621", "InvalidMILProgram");
  EXPECT_EQUAL(device->counts().compiles.load(), 3);
  configure("refuse=mul+conv");
  EXPECT_ERROR(device->compile(difference()), "E0621",
               "the op `mul` is not supported here");
  EXPECT_EQUAL(said, "");
  expect_clean();
}

TEST("weights that are not what the text says are a failure of the compiler") {
  auto device = open_device();
  const std::string type = "tensor<fp16, [1, 4, 1, 32]>";
  ProgramSource source =
      with_statement(type + " lost = const()[name = string(\"lost\"), val = " + type +
                     "(BLOBFILE(path = string(\"@model_path/weights/lost.bin\"), offset = "
                     "uint64(64)))];\n        " +
                     type + " z = mul(x = d, y = lost)[name = string(\"z\")];");
  EXPECT_ERROR(device->compile(source), "E0621", "CompilationFailure");
  source.weights = {{"@model_path/weights/lost.bin", std::string(100, 'x')}};
  EXPECT_ERROR(device->compile(source), "E0621", "CompilationFailure");
  expect_clean();
}

TEST("a process that has used up its compiles says so before the system fails") {
  DeviceOptions options = quick_options();
  options.compile_budget = 3;
  auto device = open_device("compile-limit=3", options);
  for (int i = 1; i <= 3; ++i) MUST(device->compile(difference(i)));
  EXPECT_EQUAL(device->compiles_left(), 0);
  EXPECT_ERROR(device->compile(difference(9)), "E0624", "3 compiles");
  MUST(device->compile(difference(2)));  // the system has it
  EXPECT_EQUAL(reported("compiles"), 3);

  options.compile_budget = 0;
  device = open_device("compile-limit=1", options);
  EXPECT_EQUAL(device->compiles_left(), -1);
  MUST(device->compile(difference(1)));
  EXPECT_ERROR(device->compile(difference(2)), "E0621", "err=()");
  expect_clean();
}

TEST("a framework that answers nil is an error") {
  auto device = open_device("nil-descriptor=1,nil-model=1,nil-request=1");
  EXPECT_ERROR(device->compile(difference()), "E0621", "no descriptor");
  EXPECT_ERROR(device->compile(difference()), "E0621", "no model");
  {
    auto program = MUST(device->compile(difference()));
    EXPECT_ERROR(run_difference(*device, *program), "E0623", "the request is nil");
    MUST(run_difference(*device, *program));
  }
  expect_clean();
}

TEST("a load that fails for a moment is tried again") {
  auto device = open_device("transient-load=1");
  auto program = MUST(device->compile(difference()));
  EXPECT_PART(said, "loading `difference` failed and is tried again");
  EXPECT_PART(
      said,
      "UserInfo={Loaded=0, NSLocalizedDescription=ANERuntimeError: a load fault that passes, "
      "NSUnderlyingError=Error Domain=com.apple.appleneuralengine Code=4 \"the service is busy\" "
      "UserInfo={NSLocalizedDescription=the service is busy}}");
  program.reset();
  expect_clean();
  device = open_device("transient-load=every:1");
  EXPECT_ERROR(device->compile(difference()), "E0622", "could not load program `difference`");
  expect_clean();
}

TEST("a service that restarts is asked again, and gets the program anew if it forgot it") {
  for (const char* settings :
       {"daemon-restart=every:2", "daemon-restart=every:2,restart-forgets=on",
        "daemon-restart=every:2,restart-forgets=on,leaves-files=off,os=26.3"}) {
    auto device = open_device(settings);
    {
      auto program = MUST(device->compile(difference()));
      for (int i = 0; i < 6; ++i) MUST(run_difference(*device, *program, i));
      EXPECT(device->counts().reloads.load() >= 5);
      EXPECT_PART(said, "Error Domain=NSCocoaErrorDomain Code=4097");
    }
    expect_clean();
  }
}

TEST("files that vanish from the temporary folder are written again before a reload") {
  auto device = open_device("daemon-restart=1,restart-forgets=on");
  auto program = MUST(device->compile(difference()));
  remove_tree(test_folder() + "/tmp/" + program->identifier());
  MUST(run_difference(*device, *program));
  EXPECT_EQUAL(device->counts().compiles.load(), 2);
  program.reset();
  expect_clean();
}

TEST("a reload that cannot be done is an error") {
  auto device = open_device("daemon-restart=1,restart-forgets=on");
  auto program = MUST(device->compile(difference()));
  const std::string folder = test_folder() + "/tmp/" + program->identifier();
  remove_tree(folder);
  MUST(write_file(folder, "a file where the folder should be", false));
  EXPECT_ERROR(run_difference(*device, *program), "E0627", "cannot make the folder");
  program.reset();
  expect_clean();
}

TEST("an evaluation that takes too long is tried again after a reload, then given up") {
  auto device = open_device("timeout=1");
  auto program = MUST(device->compile(difference()));
  MUST(run_difference(*device, *program));
  EXPECT_PART(said, "Code=3");
  EXPECT_PART(said, "status=0xf : statusType=0x11: Program Inference timeout: timed out");
  EXPECT_EQUAL(device->counts().retries.load(), 1);
  EXPECT_EQUAL(device->counts().reloads.load(), 1);
  configure("timeout=every:1");
  program.reset();
  program = MUST(device->compile(difference()));
  EXPECT_ERROR(run_difference(*device, *program), "E0623", "timed out");
  program.reset();
  expect_clean();
}

TEST("a general fault is tried again without a reload, then given up") {
  auto device = open_device("inference-fault=first:3");
  auto program = MUST(device->compile(difference()));
  MUST(run_difference(*device, *program));
  EXPECT_EQUAL(device->counts().retries.load(), 3);
  EXPECT_EQUAL(device->counts().reloads.load(), 0);
  configure("inference-fault=every:1");
  program.reset();
  program = MUST(device->compile(difference()));
  EXPECT_ERROR(run_difference(*device, *program), "E0623", "status=0x16");
  program.reset();
  expect_clean();
}

TEST("a surface that is too small for the engine fails at once with its words") {
  auto device = open_device("minimum-surface=49152");
  auto program = MUST(device->compile(difference()));
  EXPECT_ERROR(run_difference(*device, *program), "E0623",
               "Error Domain=com.apple.appleneuralengine Code=8 "
               "\"processRequest:model:qos:qIndex:modelStringID:options:error:: "
               "ANEProgramProcessRequestDirect() Failed with status=0x1d : statusType=0x9: Program "
               "Inference error\" "
               "UserInfo={AnecEmulatorReason=port `C` needs 49152 bytes and has 16384");
  EXPECT_EQUAL(device->counts().retries.load(), 0);
  program.reset();
  expect_clean();
}

TEST("ports bound in an order nobody told give wrong numbers") {
  // Beyond eight inputs one chip is reported to misbind. What the program describes is followed.
  for (const char* order : {"binding=declared", "input-limit=1"}) {
    {
      auto device = open_device(order);
      auto program = MUST(device->compile(difference()));
      MUST(run_difference(*device, *program));
    }
    auto device = open_device(std::string(order) + ",attributes=off");
    auto program = MUST(device->compile(difference()));
    EXPECT_ERROR(run_difference(*device, *program), "wrong", "should be");
  }
  expect_clean();
}

TEST("an unload that fails is an error, and goes unnoticed when a program ends") {
  auto device = open_device("unload-fault=1");
  auto program = MUST(device->compile(difference()));
  EXPECT_ERROR(program->unload(), "E0622", "ANEProgramDestroy() Failed");
  MUST(run_difference(*device, *program));
  program.reset();
  expect_clean();
}

TEST("attempts wait longer and longer, up to a bound") {
  DeviceOptions options = quick_options();
  options.retry = {4, 2, 3};
  options.say = nullptr;
  auto device = open_device("transient-compile=first:3", options);
  MUST(device->compile(difference()));
  expect_clean();
}

TEST("random sequences of passing faults end in the right numbers or in an error, and leak nothing") {
  int finished = 0, failed_runs = 0;
  for (int seed = 1; seed <= 40; ++seed) {
    const std::string rate = "rate:0." + std::to_string(1 + seed % 4);
    auto device = open_device(
        "seed=" + std::to_string(seed) + ",transient-compile=" + rate + ",transient-load=" + rate +
        ",daemon-restart=" + rate + ",timeout=" + rate + ",inference-fault=" + rate +
        ",unload-fault=" + rate + ",restart-forgets=" + (seed % 2 ? "on" : "off") +
        ",lock-fault=rate:0.02,surface-fault=rate:0.02,nil-request=rate:0.02,compile-limit=off");
    auto program = device->compile(difference(3, 40));
    if (!program.ok()) {
      EXPECT(program.error().code.starts_with("E06"));
      ++failed_runs;
    }
    for (int i = 0; program.ok() && i < 10; ++i) {
      auto done = run_difference(*device, *program.value(), i);
      done.ok() ? ++finished : ++failed_runs;
      EXPECT(done.ok() || done.error().code.starts_with("E06"));
    }
    program = anec::Error{};
    expect_clean();
  }
  EXPECT(finished > 200);
  EXPECT(failed_runs > 10);
}
