// SPDX-License-Identifier: Apache-2.0

/// Whose implementation a peer runs, as its first message shows it.
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

    /// - Parameters:
    ///   - vendorIDs: Of message 1.
    ///   - offer: Its SA payload.
    package init(vendorIDs: VendorIDs, offer: IKEv1.SAPayload) {
        self = .unknown
    }

    /// Answers Microsoft's question whether the gateway is behind a NAT with no; see ``Profile/concealsNAT``.
    package var isMicrosoft: Bool {
        switch self {
        case .windowsXP, .windows7, .windows: true
        case .appleOld, .apple, .android2, .android4, .android6, .android7, .chromeOS, .networkManager, .routerOS,
            .softEther, .strongSwan, .libreswan, .unknown:
            false
        }
    }
}

/// The vendor ids that tell clients apart, as a set: a message has each or not.
package struct VendorIDs: OptionSet, Hashable, Sendable {
    package var rawValue: UInt32

    package init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// - Parameter announced: Bodies of the vendor id payloads of message 1.
    package init(_ announced: [ArraySlice<UInt8>]) {
        self = []
    }
}
