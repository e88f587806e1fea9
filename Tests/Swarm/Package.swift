// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
import PackageDescription

// A package of its own: many clients in one process, for the lab. The product's sources are linked in, not depended
// on: their declarations are visible within one package only.
let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

let package = Package(
    name: "culvert-swarm",
    targets: [
        .systemLibrary(name: "CLibcrypto", pkgConfig: "libcrypto"),
        .systemLibrary(name: "CNetlink", pkgConfig: "libnl-xfrm-3.0"),
        .target(name: "CLinux"),
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
            name: "Kernel",
            dependencies: ["Primitives", "DataPlane", "CNetlink", "CLinux"],
            swiftSettings: settings
        ),
        .target(
            name: "Simulation",
            dependencies: ["Primitives", "Cryptography", "DataPlane", "IKE", "L2TP", "PPP", "ControlPlane"],
            swiftSettings: settings
        ),
        // Of the daemon's runtime only what a client needs too.
        .target(name: "Sockets", dependencies: ["CLinux", "Kernel", "Primitives"], swiftSettings: settings),
        .executableTarget(
            name: "culvert-swarm",
            dependencies: [
                "CLinux", "Primitives", "Cryptography", "DataPlane", "IKE", "L2TP", "PPP", "ControlPlane", "Kernel",
                "Simulation", "Sockets",
            ],
            swiftSettings: settings
        ),
    ]
)
