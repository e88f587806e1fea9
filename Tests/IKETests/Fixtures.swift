// SPDX-License-Identifier: Apache-2.0
import Cryptography
import DataPlane
import IKE
import Primitives
import Testing

let gateway = SocketAddress(.v4(0xC000_0201), port: 500)
let client = SocketAddress(.v4(0xC633_6407), port: 500)
let start = MonotonicTime(nanoseconds: 1_000_000_000)

func secret(_ text: String) -> SecretBytes { SecretBytes(copying: Array(text.utf8)) }

func hex(_ text: String) -> [UInt8] {
    let digits = Array(text.utf8.filter { $0 != 0x20 })
    return stride(from: 0, to: digits.count - 1, by: 2).map { index in
        UInt8(String(decoding: digits[index...index + 1], as: UTF8.self), radix: 16) ?? 0
    }
}

extension Profile {
    static func test(
        remote: [IPPrefix]? = nil,
        key: String = "correct horse",
        allowLegacy: Set<LegacyAlgorithm> = []
    ) -> Profile {
        Profile(
            name: "remote-access",
            remote: remote,
            preSharedKey: secret(key),
            ikeProposals: Profile.l2tpClientsIKE,
            espProposals: Profile.l2tpClientsESP,
            pfsGroups: Profile.l2tpClientsPFS,
            allowLegacy: allowLegacy
        )
    }
}

extension Endpoint {
    static func test(_ profile: Profile = .test(), halfOpenLimit: Int = 1000, seed: UInt64 = 1) -> Endpoint {
        var configuration = Configuration(profiles: [profile])
        configuration.halfOpenLimit = halfOpenLimit
        return Endpoint(configuration: configuration, entropy: SeededEntropy(seed: seed))
    }
}

extension [Endpoint.Effect] {
    var datagrams: [Datagram] {
        compactMap { effect in if case .transmit(let datagram) = effect { datagram } else { nil } }
    }
    var events: [Event] {
        compactMap { effect in if case .report(let event) = effect { event } else { nil } }
    }
    var installs: [ChildSA] {
        compactMap { effect in if case .installInbound(let child) = effect { child } else { nil } }
    }
    /// The names of the counters that would rise.
    var eventNames: [String] { events.map(\.description.name) }
    /// One word for each effect, for tables.
    var words: [String] {
        map { effect in
            switch effect {
            case .transmit: "transmit"
            case .installInbound: "installInbound"
            case .installOutbound: "installOutbound"
            case .remove: "remove"
            case .closed: "closed"
            case .unanswered: "unanswered"
            case .deletedByPeer: "deletedByPeer"
            case .moved: "moved"
            case .report(let event): "[\(event.description.name)]"
            }
        }
    }
}

/// The offers of real clients, as transforms.
enum ClientOffer {
    static func ike(_ names: String...) -> [IKETransform] { names.compactMap { IKETransform($0) } }
    static func esp(_ names: String...) -> [ESPTransform] { names.compactMap { ESPTransform(parsing: $0) } }

    static let windows10 = ike(
        "aes256-sha1-ecp384",
        "aes128-sha1-ecp256",
        "aes256-sha1-modp2048",
        "3des-sha1-modp2048",
        "3des-sha1-modp1024"
    )
    static let macOS = ike(
        "aes256-sha256-modp2048",
        "aes256-sha1-modp2048",
        "aes256-md5-modp2048",
        "aes256-sha512-modp2048",
        "aes256-sha256-modp1536",
        "aes256-sha1-modp1536",
        "aes256-md5-modp1536",
        "aes256-sha256-modp1024",
        "aes256-sha1-modp1024",
        "aes256-md5-modp1024",
        "aes128-sha1-modp1024",
        "aes128-md5-modp1024",
        "3des-sha1-modp1024",
        "3des-md5-modp1024"
    )
    /// DES is offered too; it has no name here.
    static let android712 = ike(
        "aes256-sha384-modp1024",
        "aes256-sha256-modp1024",
        "aes256-sha512-modp1024",
        "aes256-sha1-modp1024",
        "aes256-md5-modp1024",
        "aes128-sha512-modp1024",
        "aes128-sha384-modp1024",
        "aes128-sha256-modp1024",
        "aes128-sha1-modp1024",
        "aes128-md5-modp1024",
        "3des-sha256-modp1024",
        "3des-sha1-modp1024",
        "3des-md5-modp1024"
    )
    static let strongSwanNM = ike(
        "aes256-sha256-modp2048",
        "aes256-sha256-modp1536",
        "aes256-sha256-modp1024",
        "aes256-sha1-modp2048",
        "aes256-sha1-modp1536",
        "aes256-sha1-modp1024",
        "aes256-sha1-ecp384",
        "aes128-sha1-modp1024",
        "aes128-sha1-ecp256",
        "3des-sha1-modp2048",
        "3des-sha1-modp1024"
    )
    static let routerOS = ike(
        "aes128-sha1-modp2048",
        "aes128-sha1-modp1024",
        "3des-sha1-modp2048",
        "3des-sha1-modp1024"
    )
}
