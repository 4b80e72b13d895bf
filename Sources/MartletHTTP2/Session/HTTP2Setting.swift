/// A setting of RFC 9113 §6.5.2, RFC 8441 §3 and RFC 9218 §2.1.
enum HTTP2Setting: Int32 {
  case enablePush = 0x2
  case maximumConcurrentStreams = 0x3
  case initialWindowSize = 0x4
  case maximumFrameSize = 0x5
  case maximumHeaderListSize = 0x6
  case enableConnectProtocol = 0x8
  case noRFC7540Priorities = 0x9
}
