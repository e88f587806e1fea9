// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

// A package of its own, like Tests/Benchmarks: every target is compiled once more, with the fuzzer's coverage. The
// sanitizer comes from the command line (Scripts/fuzz), because it has to reach Yams, too.
let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .unsafeFlags(["-sanitize=fuzzer", "-parse-as-library"]),
]

let protocols: [Target.Dependency] = ["Primitives", "Cryptography", "DataPlane", "IKE", "L2TP", "PPP"]

let package = Package(
    name: "culvert-fuzz",
    dependencies: [
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.0")
    ],
    targets: [
        .systemLibrary(name: "CLibcrypto", pkgConfig: "libcrypto"),
        .target(name: "Primitives", swiftSettings: settings),
        .target(name: "Cryptography", dependencies: ["Primitives", "CLibcrypto"], swiftSettings: settings),
        .target(name: "DataPlane", dependencies: ["Primitives"], swiftSettings: settings),
        .target(name: "IKE", dependencies: ["Primitives", "Cryptography", "DataPlane"], swiftSettings: settings),
        .target(name: "L2TP", dependencies: ["Primitives", "Cryptography", "DataPlane"], swiftSettings: settings),
        .target(name: "PPP", dependencies: ["Primitives", "Cryptography", "DataPlane"], swiftSettings: settings),
        .target(name: "ControlPlane", dependencies: protocols, swiftSettings: settings),
        .target(
            name: "ConfigFile",
            dependencies: protocols + ["ControlPlane", .product(name: "Yams", package: "Yams")],
            swiftSettings: settings
        ),
        .target(name: "Simulation", dependencies: protocols + ["ControlPlane"], swiftSettings: settings),
        .executableTarget(
            name: "culvert-fuzz",
            dependencies: protocols + ["ControlPlane", "ConfigFile", "Simulation"],
            swiftSettings: settings,
            linkerSettings: [.unsafeFlags(["-sanitize=fuzzer", "-use-ld=lld"])]
        ),
    ]
)
