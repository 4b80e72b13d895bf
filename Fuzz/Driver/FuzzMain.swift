internal import CLibFuzzer
internal import Foundation
internal import FuzzTargets

/// The entry of the program, to which SwiftPM gives this name; libFuzzer's own cannot be used beside it.
///
/// The environment variable `FUZZ_TARGET` chooses what runs; the arguments are libFuzzer's.
@_cdecl("fuzz_main")
func fuzzMain(
  _ count: Int32, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
) -> Int32 {
  let name = ProcessInfo.processInfo.environment["FUZZ_TARGET"] ?? ""
  guard FuzzTarget(rawValue: name) != nil else {
    let names = FuzzTarget.allCases.map(\.rawValue).joined(separator: ", ")
    FileHandle.standardError.write(Data("FUZZ_TARGET is one of \(names)\n".utf8))
    return 64
  }
  var count = count
  var list: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = unsafe arguments
  return unsafe LLVMFuzzerRunDriver(&count, &list, fuzzOne)
}

private let target = FuzzTarget(
  rawValue: ProcessInfo.processInfo.environment["FUZZ_TARGET"] ?? "")

private func fuzzOne(_ data: UnsafePointer<UInt8>?, _ size: Int) -> Int32 {
  target?.run(unsafe [UInt8](UnsafeBufferPointer(start: data, count: size)))
  return 0
}
