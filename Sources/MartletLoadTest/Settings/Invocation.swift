/// The command as it was typed, for reports, so that a run can be repeated.
package enum Invocation {
  private static let secretOptions: Set<String> = ["--token"]

  /// - Parameter arguments: the first is the program, of which only the name is kept. Secrets are left out.
  package static func text(_ arguments: [String]) -> String {
    var words: [String] = []
    var isSecret = false
    for (index, argument) in arguments.enumerated() {
      if isSecret {
        words.append("***")
        isSecret = false
        continue
      }
      if index == 0 {
        words.append(argument.split(separator: "/").last.map(String.init) ?? argument)
        continue
      }
      isSecret = secretOptions.contains(argument)
      if let option = secretOptions.first(where: { argument.hasPrefix("\($0)=") }) {
        words.append("\(option)=***")
      } else {
        words.append(quoted(argument))
      }
    }
    return words.joined(separator: " ")
  }

  /// As a POSIX shell reads it back.
  private static func quoted(_ word: String) -> String {
    let isPlain =
      !word.isEmpty
      && word.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_./:,=%@+".contains($0)) }
    return isPlain
      ? word
      : "'\(word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''"))'"
  }
}
