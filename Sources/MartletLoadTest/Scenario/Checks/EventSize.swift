/// How large the smallest event of a behaviour is: its fields in the worst case of the run, without padding.
enum EventSize {
  /// The longest texts of a run's numbers.
  struct Digits {
    var publisher: Int
    var sequence: Int
    var intended: Int

    init(clients: Int, publications: Double, nanoseconds: UInt64) {
      publisher = String(max(0, clients - 1)).utf8.count
      sequence = String(UInt32(max(1, min(publications.rounded(.up), 4e9)))).utf8.count
      intended = String(nanoseconds).utf8.count
    }

    var total: Int { publisher + sequence + intended }
  }

  private static let runLength = RunIdentifier.example.text.utf8.count
  /// Of the member `load`, of the padding, and of the text around them, with a digit for `retry`.
  private static let constant =
    #"{"type":"","load":{"run":"","publisher":,"sequence":,"intended":,"retry":0},"pad":""}"#

  /// Of Martlet's own protocol.
  static func smallest(_ publishing: Publishing, _ digits: Digits) -> Int {
    constant.utf8.count + runLength + publishing.type.utf8.count + digits.total
      + (publishing.fields.isEmpty ? 0 : publishing.fields.utf8.count + 1)
  }

  /// Of another server's protocol.
  static func smallest(_ adapter: ProtocolAdapter, groups: Int, _ digits: Digits) -> Int {
    let mark = "martlet::::0:".utf8.count + runLength + digits.total
    let group = String(max(0, groups - 1)).utf8.count
    return Placeholders.names(in: adapter.publish).reduce(adapter.publish.utf8.count) {
      size, name in
      let length =
        switch name {
        case "mark": mark
        case "ref": digits.sequence
        case Placeholders.group: group
        default: digits.publisher
        }
      return size - name.utf8.count - 2 + length
    }
  }
}
