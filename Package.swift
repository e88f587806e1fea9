// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

let common: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .treatAllWarnings(as: .error),
]

/// For targets without C: every unsafe construct must be marked.
let pure: [SwiftSetting] = common + [.enableUpcomingFeature("MemberImportVisibility"), .strictMemorySafety()]

let package = Package(
    name: "culvert",
    products: [
        .executable(name: "culvertd", targets: ["culvertd"]),
        .executable(name: "culvertctl", targets: ["culvertctl"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.0"),
    ],
    targets: [
        // C: module maps, and what Swift cannot import.
        .systemLibrary(name: "CLibcrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(
            name: "CNetlink",
            pkgConfig: "libnl-xfrm-3.0",
            providers: [.apt(["libnl-3-dev", "libnl-genl-3-dev", "libnl-xfrm-3-dev"])]
        ),
        .systemLibrary(name: "CQRCode", pkgConfig: "libqrencode", providers: [.apt(["libqrencode-dev"])]),
        .target(name: "CLinux"),

        // Everyone's vocabulary.
        .target(name: "Primitives", swiftSettings: pure),
        // Level 0: libcrypto; the kernel's nouns as values.
        .target(name: "Cryptography", dependencies: ["Primitives", "CLibcrypto"], swiftSettings: common),
        .target(name: "DataPlane", dependencies: ["Primitives"], swiftSettings: pure),
        // Level 1: the protocols, each alone.
        .target(name: "IKE", dependencies: ["Primitives", "Cryptography", "DataPlane"], swiftSettings: pure),
        .target(name: "L2TP", dependencies: ["Primitives", "Cryptography", "DataPlane"], swiftSettings: pure),
        .target(name: "PPP", dependencies: ["Primitives", "Cryptography", "DataPlane"], swiftSettings: pure),
        // Level 2: the one value that owns and relates them.
        .target(
            name: "ControlPlane",
            dependencies: ["Primitives", "Cryptography", "DataPlane", "IKE", "L2TP", "PPP"],
            swiftSettings: pure
        ),
        // Level 3: text to configuration; the data plane in the kernel.
        .target(
            name: "ConfigFile",
            dependencies: [
                "Primitives", "Cryptography", "DataPlane", "IKE", "L2TP", "PPP", "ControlPlane",
                .product(name: "Yams", package: "Yams"),
            ],
            swiftSettings: pure
        ),
        .target(
            name: "Kernel",
            dependencies: ["Primitives", "DataPlane", "CNetlink", "CLinux"],
            swiftSettings: common
        ),
        // Level 4: everything impure.
        .target(
            name: "Runtime",
            dependencies: [
                "Primitives", "Cryptography", "DataPlane", "IKE", "L2TP", "PPP", "ControlPlane", "ConfigFile", "Kernel",
                "CLinux",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: common
        ),
        // Level 5: the commands.
        .executableTarget(
            name: "culvertd",
            dependencies: [
                "Runtime",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: common
        ),
        .executableTarget(
            name: "culvertctl",
            dependencies: [
                "Primitives", "Cryptography", "DataPlane", "IKE", "PPP", "ControlPlane", "ConfigFile", "Kernel",
                "Runtime", "Simulation", "CQRCode", "CLinux",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: common
        ),

        // Tests, and the simulated world they share with `culvertctl check`.
        .target(
            name: "Simulation",
            dependencies: ["Primitives", "Cryptography", "DataPlane", "IKE", "L2TP", "PPP", "ControlPlane"],
            path: "Tests/Simulation",
            swiftSettings: common
        ),
        // Many clients in one process, for the lab.
        .executableTarget(
            name: "culvert-swarm",
            dependencies: [
                "Primitives", "Cryptography", "DataPlane", "IKE", "L2TP", "PPP", "ControlPlane", "Kernel", "Runtime",
                "Simulation", "CLinux",
            ],
            path: "Tests/Swarm",
            swiftSettings: common
        ),
        .testTarget(name: "PrimitivesTests", dependencies: ["Primitives"], swiftSettings: common),
        .testTarget(name: "CryptographyTests", dependencies: ["Cryptography", "Primitives"], swiftSettings: common),
        .testTarget(
            name: "IKETests",
            dependencies: ["IKE", "Primitives", "Cryptography", "DataPlane", "Simulation"],
            swiftSettings: common
        ),
        .testTarget(
            name: "L2TPTests",
            dependencies: ["L2TP", "Primitives", "Cryptography", "DataPlane", "Simulation"],
            swiftSettings: common
        ),
        .testTarget(
            name: "PPPTests",
            dependencies: ["PPP", "Primitives", "Cryptography", "DataPlane", "Simulation"],
            swiftSettings: common
        ),
        .testTarget(
            name: "ControlPlaneTests",
            dependencies: [
                "ControlPlane", "IKE", "L2TP", "PPP", "Primitives", "Cryptography", "DataPlane", "Simulation",
            ],
            swiftSettings: common
        ),
        .testTarget(
            name: "ConfigFileTests",
            dependencies: ["ConfigFile", "ControlPlane", "IKE", "L2TP", "PPP", "Primitives", "Cryptography"],
            swiftSettings: common
        ),
        .testTarget(name: "KernelTests", dependencies: ["Kernel", "DataPlane", "Primitives"], swiftSettings: common),
        .testTarget(
            name: "CommandTests",
            dependencies: [
                "culvertctl", "culvertd", "ControlPlane", "ConfigFile", "IKE", "PPP", "DataPlane", "Primitives",
                "Kernel", "Runtime", "Simulation",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: common
        ),
        .testTarget(
            name: "RuntimeTests",
            dependencies: [
                "Runtime", "ConfigFile", "ControlPlane", "IKE", "L2TP", "PPP", "Cryptography", "DataPlane",
                "Primitives",
            ],
            swiftSettings: common
        ),
    ]
)
