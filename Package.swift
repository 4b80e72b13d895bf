// swift-tools-version: 6.2
import PackageDescription

// The manifest is the first architecture document: targets stand in the order in which they may
// depend on each other, from pure values at the top to programs at the bottom. An import that
// points upwards does not compile (`--explicit-target-dependency-import-check error`).

let package = Package(
  name: "martlet",
  platforms: [.macOS(.v15)],
  products: [
    .executable(name: "martlet-gateway", targets: ["martlet-gateway"]),
    .executable(name: "martlet-presence", targets: ["martlet-presence"]),
    .executable(name: "martlet-loadtest", targets: ["martlet-loadtest"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    .package(url: "https://github.com/vapor/jwt-kit", from: "5.7.1"),
  ],
  targets: [
    // MARK: C libraries of the system. Each is imported by exactly one module.

    // hiredis: the RESP parser. No `pkgConfig`: its .pc file carries a flag that SwiftPM refuses.
    .systemLibrary(name: "CHiredis", providers: [.apt(["libhiredis-dev"])]),
    // nghttp2: HTTP/2 framing.
    .systemLibrary(
      name: "CNghttp2", pkgConfig: "libnghttp2", providers: [.apt(["libnghttp2-dev"])]),
    // OpenSSL 3: TLS and the primitives that must run in constant time.
    .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
    // zlib: DEFLATE, for compressed WebSocket messages.
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),

    // MARK: Values and policies: no I/O, no clock, no randomness of their own.

    .target(name: "MartletCore", swiftSettings: settings()),

    // RFC 6455 frames and RFC 7692 compression, for either role and any transport.
    .target(
      name: "MartletWebSocket",
      dependencies: ["CZlib", .product(name: "NIOCore", package: "swift-nio")],
      swiftSettings: settings()),

    // The wire contract of docs/protocol.md: JSON frames, the event splicer.
    .target(
      name: "MartletProtocol",
      dependencies: [
        "MartletCore", "MartletWebSocket", .product(name: "NIOCore", package: "swift-nio"),
      ],
      swiftSettings: settings()),

    // A YAML document read strictly: errors name the line, the key, the value and what is allowed.
    .target(
      name: "MartletConfiguration",
      dependencies: ["MartletCore", .product(name: "Yams", package: "Yams")],
      swiftSettings: settings()),

    // MARK: Links to other systems, one module for each C library.

    // TLS over NIO, for links out and listeners in; digests.
    .target(
      name: "MartletTLS",
      dependencies: [
        "COpenSSL", "MartletCore", .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
      ],
      swiftSettings: settings()),
    // HTTP/2 over NIO, either side, with an object for each stream instead of a channel.
    .target(
      name: "MartletHTTP2",
      dependencies: [
        "CNghttp2", "MartletCore",
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
      ],
      swiftSettings: settings()),

    // RESP over NIO: one pipelined connection, reconnecting with jittered back-off.
    .target(
      name: "MartletRedis",
      dependencies: [
        "CHiredis", "MartletCore", "MartletTLS",
        .product(name: "DequeModule", package: "swift-collections"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ],
      swiftSettings: settings()),

    // Who a client is and what it may do: tokens, key sets fetched by HTTP, the access hook.
    .target(
      name: "MartletAccess",
      dependencies: [
        "MartletConfiguration", "MartletCore",
        .product(name: "AsyncHTTPClient", package: "async-http-client"),
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "DequeModule", package: "swift-collections"),
        .product(name: "JWTKit", package: "jwt-kit"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ],
      swiftSettings: settings()),

    // MARK: What Martlet exists for.

    // Publications between gateways: the contract, in memory and on Redis Streams.
    .target(
      name: "MartletBackplane",
      dependencies: [
        "MartletCore", "MartletRedis", "MartletTLS",
        .product(name: "DequeModule", package: "swift-collections"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ],
      swiftSettings: settings()),

    // Who is where: pure state, the gateways' reports, the aggregator.
    .target(
      name: "MartletPresence",
      dependencies: [
        "MartletBackplane", "MartletCore", "MartletProtocol", "MartletRedis",
        .product(name: "DequeModule", package: "swift-collections"),
        .product(name: "HeapModule", package: "swift-collections"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "OrderedCollections", package: "swift-collections"),
      ],
      swiftSettings: settings()),

    // The admin port and what every daemon does alike: logs, signals, health, metrics.
    .target(
      name: "MartletDaemon",
      dependencies: [
        "MartletBackplane", "MartletConfiguration", "MartletCore", "MartletHTTP2",
        "MartletPresence", "MartletRedis", "MartletTLS",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
        .product(name: "UnixSignals", package: "swift-service-lifecycle"),
      ],
      swiftSettings: settings()),

    // Transports, sessions, hubs, access, the HTTP API.
    .target(
      name: "MartletGateway",
      dependencies: [
        "MartletAccess", "MartletBackplane", "MartletConfiguration", "MartletCore",
        "MartletDaemon", "MartletHTTP2", "MartletPresence", "MartletProtocol", "MartletRedis",
        "MartletTLS", "MartletWebSocket",
        .product(name: "DequeModule", package: "swift-collections"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
      ],
      resources: [.embedInCode("Demo/demo.html")],
      swiftSettings: settings()),

    // Simulated clients, open-model schedules, and the proof that nothing was lost.
    .target(
      name: "MartletLoadTest",
      dependencies: [
        "MartletConfiguration", "MartletCore", "MartletDaemon", "MartletHTTP2", "MartletTLS",
        "MartletWebSocket",
        .product(name: "AsyncHTTPClient", package: "async-http-client"),
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "DequeModule", package: "swift-collections"),
        .product(name: "HeapModule", package: "swift-collections"),
        .product(name: "Histogram", package: "hdrhistogram-swift"),
        .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOFoundationCompat", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ],
      resources: [
        .embedInCode("Scenario/BuiltIn/connect.yaml"),
        .embedInCode("Scenario/BuiltIn/fanout.yaml"),
        .embedInCode("Scenario/BuiltIn/chat.yaml"),
        .embedInCode("Scenario/BuiltIn/presence.yaml"),
        .embedInCode("Scenario/BuiltIn/typing.yaml"),
        .embedInCode("Scenario/BuiltIn/reconnect-storm.yaml"),
        .embedInCode("Scenario/BuiltIn/soak.yaml"),
        .embedInCode("Scenario/BuiltIn/find-max.yaml"),
      ],
      swiftSettings: settings()),

    // MARK: Programs: command line in, modules wired together.

    .executableTarget(
      name: "martlet-gateway",
      dependencies: [
        "MartletConfiguration", "MartletCore", "MartletDaemon", "MartletGateway",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: settings()),
    .executableTarget(
      name: "martlet-presence",
      dependencies: [
        "MartletBackplane", "MartletConfiguration", "MartletCore", "MartletDaemon",
        "MartletPresence",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
      ],
      swiftSettings: settings()),
    .executableTarget(
      name: "martlet-loadtest",
      dependencies: [
        "MartletConfiguration", "MartletCore", "MartletLoadTest",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "UnixSignals", package: "swift-service-lifecycle"),
      ],
      swiftSettings: settings()),

    // MARK: Measurements that need the code itself, and no running system.

    // A frame on its way in, beside NIO's decoder.
    .executableTarget(
      name: "websocket-frame-cost",
      dependencies: [
        "MartletWebSocket",
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOEmbedded", package: "swift-nio"),
        .product(name: "NIOWebSocket", package: "swift-nio"),
      ],
      path: "Benchmarks/WebSocketFrameCost",
      swiftSettings: settings()),
    // What TLS costs a server (loadtest/README.md).
    .executableTarget(
      name: "tls-cost",
      dependencies: [
        "MartletTLS", .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ],
      path: "loadtest/tls-cost", exclude: ["run"],
      swiftSettings: settings()),

    // MARK: Tests, and what they share: a Redis of their own, waiting for conditions.

    // What survives any bytes, for fuzzers (scripts/fuzz) and for the tests that replay what these have found.
    .target(
      name: "FuzzTargets",
      dependencies: [
        "MartletCore", "MartletHTTP2", "MartletProtocol", "MartletRedis", "MartletWebSocket",
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOEmbedded", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
      ],
      path: "Fuzz/Targets",
      swiftSettings: settings()),

    .target(
      name: "MartletTestSupport",
      dependencies: [
        "MartletCore", "MartletTLS", "MartletWebSocket",
        .product(name: "JWTKit", package: "jwt-kit"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ],
      path: "Tests/TestSupport",
      swiftSettings: settings()),

    // The tools of the tests: a fault that is not injected proves nothing.
    .testTarget(
      name: "MartletTestSupportTests",
      dependencies: [
        "MartletCore", "MartletTestSupport",
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ],
      path: "Tests/TestSupportTests",
      swiftSettings: settings()),

    // Ring 1, pure.
    .testTarget(
      name: "MartletCoreTests", dependencies: ["MartletCore", "MartletTestSupport"],
      swiftSettings: settings()),
    .testTarget(
      name: "MartletWebSocketTests",
      dependencies: [
        "MartletTestSupport", "MartletWebSocket", .product(name: "NIOCore", package: "swift-nio"),
      ],
      swiftSettings: settings()),
    .testTarget(
      name: "MartletProtocolTests",
      dependencies: [
        "MartletCore", "MartletProtocol", .product(name: "NIOCore", package: "swift-nio"),
      ],
      swiftSettings: settings()),
    .testTarget(
      name: "MartletConfigurationTests",
      dependencies: ["MartletConfiguration", "MartletCore"],
      swiftSettings: settings()),

    // Rings 2 and 3, event loops and real Redis.
    .testTarget(
      name: "MartletRedisTests",
      dependencies: [
        "MartletCore", "MartletRedis", "MartletTLS", "MartletTestSupport",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOEmbedded", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ],
      swiftSettings: settings()),
    .testTarget(
      name: "MartletTLSTests",
      dependencies: [
        "MartletTLS", "MartletTestSupport",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOEmbedded", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ],
      swiftSettings: settings()),
    .testTarget(
      name: "MartletHTTP2Tests",
      dependencies: [
        "MartletHTTP2", "MartletTestSupport",
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOEmbedded", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ],
      swiftSettings: settings()),
    .testTarget(
      name: "MartletAccessTests",
      dependencies: [
        "MartletAccess", "MartletConfiguration", "MartletCore", "MartletTestSupport",
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "CryptoExtras", package: "swift-crypto"),
        .product(name: "JWTKit", package: "jwt-kit"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
      ],
      swiftSettings: settings()),
    .testTarget(
      name: "MartletBackplaneTests",
      dependencies: [
        "MartletBackplane", "MartletCore", "MartletRedis", "MartletTestSupport",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOEmbedded", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ],
      swiftSettings: settings()),
    .testTarget(
      name: "MartletPresenceTests",
      dependencies: [
        "MartletBackplane", "MartletCore", "MartletPresence", "MartletRedis", "MartletTestSupport",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ],
      swiftSettings: settings()),
    .testTarget(
      name: "MartletGatewayTests",
      dependencies: [
        "MartletAccess", "MartletBackplane", "MartletConfiguration", "MartletCore",
        "MartletDaemon", "MartletGateway", "MartletHTTP2", "MartletPresence", "MartletProtocol",
        "MartletTLS", "MartletTestSupport", "MartletWebSocket",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOEmbedded", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ],
      swiftSettings: settings()),
    .testTarget(
      name: "MartletLoadTestTests",
      dependencies: [
        "MartletConfiguration", "MartletCore", "MartletGateway", "MartletHTTP2", "MartletLoadTest",
        "MartletTLS", "MartletTestSupport", "MartletWebSocket", "martlet-loadtest",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOEmbedded", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOWebSocket", package: "swift-nio"),
      ],
      swiftSettings: settings()),

    .testTarget(
      name: "FuzzTests", dependencies: ["FuzzTargets", "MartletTestSupport"],
      swiftSettings: settings()),

    // Ring 4, real processes, several of them with faults.
    .testTarget(
      name: "BackplaneFaultTests",
      dependencies: [
        "MartletConfiguration", "MartletCore", "MartletGateway", "MartletTestSupport",
        .product(name: "Logging", package: "swift-log"),
      ],
      swiftSettings: settings()),
    .testTarget(
      name: "AbuseTests",
      dependencies: [
        "MartletCore", "MartletTLS", "MartletTestSupport", "martlet-gateway",
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ],
      swiftSettings: settings()),
    .testTarget(
      name: "ConformanceTests",
      dependencies: [
        "MartletHTTP2", "MartletTLS", "MartletTestSupport", "MartletWebSocket", "martlet-gateway",
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ],
      swiftSettings: settings()),
    .testTarget(
      name: "ClusterTests",
      dependencies: [
        "MartletCore", "MartletTestSupport", "martlet-gateway", "martlet-loadtest",
        "martlet-presence",
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ],
      swiftSettings: settings()),
  ]
)

// libFuzzer's driver links only with its sanitizer: scripts/fuzz asks for it.
if Context.environment["MARTLET_FUZZ"] != nil {
  package.targets += [
    .systemLibrary(name: "CLibFuzzer", path: "Fuzz/CLibFuzzer"),
    .executableTarget(
      name: "fuzz", dependencies: ["CLibFuzzer", "FuzzTargets"], path: "Fuzz/Driver",
      swiftSettings: settings() + [.unsafeFlags(["-parse-as-library"])]),
  ]
}

/// The settings of every target of ours.
func settings() -> [SwiftSetting] {
  [
    // SE-0335: `any` is spelled out.
    .enableUpcomingFeature("ExistentialAny"),
    // SE-0409: an import is internal unless it says otherwise.
    .enableUpcomingFeature("InternalImportsByDefault"),
    // SE-0444: members come only from modules that the file imports.
    .enableUpcomingFeature("MemberImportVisibility"),
    // SE-0461: a nonisolated async function stays on its caller's executor.
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    // SE-0446: values such as scanners that borrow bytes and cannot outlive them.
    .enableExperimentalFeature("Lifetimes"),
    // SE-0458: each use of an unsafe construct is marked.
    .strictMemorySafety(),
    // SE-0443: a warning fails the build.
    .treatAllWarnings(as: .error),
  ]
}
