// SPDX-License-Identifier: Apache-2.0

/// Whose implementation a peer runs, as its first message shows it.
///
/// A guess: anybody can send anything. It decides nothing but what a peer that authenticates itself could ask for
/// anyway, or what would otherwise not work with that client; see `Docs/Decisions/0080-who-dials-in.md`.
///
/// Names are stable: they stand in the configuration (`clients:` of a grant), in `culvertctl sessions` and in logs.
package enum Client: String, Hashable, Sendable, CaseIterable {
    /// XP and 2000.
    case windowsXP = "windows-xp"
    /// 7 and Server 2008 R2.
    case windows7 = "windows-7"
    /// 8, 10 and 11.
    case windows = "windows"
    /// OS X 10.10 and iOS 8 and before: MODP 1024 only.
    case appleOld = "apple-old"
    /// macOS and iOS since.
    case apple = "apple"
    case android2 = "android-2"
    /// 4.0 to 5.
    case android4 = "android-4"
    /// 6.0 to 7.1.1.
    case android6 = "android-6"
    /// 7.1.2 to 11.
    case android7 = "android-7"
    case chromeOS = "chromeos"
    case networkManager = "networkmanager"
    case routerOS = "routeros"
    case softEther = "softether"
    case strongSwan = "strongswan"
    case libreswan = "libreswan"
    case unknown = "unknown"

    /// Answers Microsoft's question whether the gateway is behind a NAT with no; see ``Profile/concealsNAT``.
    package var isMicrosoft: Bool {
        switch self {
        case .windowsXP, .windows7, .windows: true
        case .appleOld, .apple, .android2, .android4, .android6, .android7, .chromeOS, .networkManager, .routerOS,
            .softEther, .strongSwan, .libreswan, .unknown:
            false
        }
    }

    /// Cuts HMAC-SHA2-256 in ESP to 96 bits: the kernels of Android 6.0 to 7.1.1, which offered SHA2-256 before they
    /// had the truncation of RFC 4868. Apple's cut it to 128 since they offer it (HT211840: iOS 13, macOS 10.15).
    package var truncatesSHA256To96: Bool {
        switch self {
        case .android6: true
        case .windowsXP, .windows7, .windows, .appleOld, .apple, .android2, .android4, .android7, .chromeOS,
            .networkManager, .routerOS, .softEther, .strongSwan, .libreswan, .unknown:
            false
        }
    }
}

extension SHA256Truncation {
    package func is96(for client: Client) -> Bool {
        switch self {
        case .byClient: client.truncatesSHA256To96
        case .bits96: true
        case .bits128: false
        }
    }
}
