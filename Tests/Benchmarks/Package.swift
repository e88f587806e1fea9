// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

// A package of its own, so that what benchmarks need is not what the product needs. The product's
// sources are linked in, not depended on: their declarations are visible within one package only.
let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

let package = Package(
    name: "culvert-benchmarks",
    targets: [
        .systemLibrary(name: "CLibcrypto", pkgConfig: "libcrypto"),
        .target(name: "Primitives", swiftSettings: settings),
        .target(name: "Cryptography", dependencies: ["Primitives", "CLibcrypto"], swiftSettings: settings),
        .target(name: "DataPlane", dependencies: ["Primitives"], swiftSettings: settings),
        .target(name: "IKE", dependencies: ["Primitives", "Cryptography", "DataPlane"], swiftSettings: settings),
        .target(name: "L2TP", dependencies: ["Primitives", "Cryptography", "DataPlane"], swiftSettings: settings),
        .target(name: "PPP", dependencies: ["Primitives", "Cryptography", "DataPlane"], swiftSettings: settings),
        .target(
            name: "ControlPlane",
            dependencies: ["Primitives", "Cryptography", "DataPlane", "IKE", "L2TP", "PPP"],
            swiftSettings: settings
        ),
        .target(
            name: "Simulation",
            dependencies: ["Primitives", "Cryptography", "DataPlane", "IKE", "L2TP", "PPP", "ControlPlane"],
            swiftSettings: settings
        ),
        .target(name: "CHeap"),
        .executableTarget(
            name: "culvert-bench",
            dependencies: [
                "CHeap", "Primitives", "Cryptography", "DataPlane", "IKE", "L2TP", "PPP", "ControlPlane", "Simulation",
            ],
            swiftSettings: settings
        ),
    ]
)
