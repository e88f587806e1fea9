// SPDX-License-Identifier: Apache-2.0
internal import CLinux
internal import DataPlane
internal import Glibc
internal import Primitives

/// The chains of the kernel's packet filter, where there is no nft(8) to read its rules.
package enum NetfilterChains {
    /// How many chains of others see packets that come in for this machine; `nil` if that cannot be seen.
    package static func foreignInputs() -> Int? {
        guard let socket = try? NetlinkSocket(.netfilter) else { return nil }
        let message = NetfilterTransaction.message(NFT_MSG_GETCHAIN, flags: NLM_F_DUMP)
        guard let replies = try? socket.query(message, step: "NFT_MSG_GETCHAIN") else { return nil }
        return replies.count { isForeignInput($0.payload) }
    }

    /// - Parameter payload: Of NFT_MSG_NEWCHAIN.
    package static func isForeignInput(_ payload: ArraySlice<UInt8>) -> Bool {
        var cursor = NetlinkCursor(payload)
        guard (try? cursor.skip(4)) != nil, let attributes = try? cursor.attributes(),
            let hook = attributes[Int(NFTA_CHAIN_HOOK.rawValue)], let table = attributes[Int(NFTA_CHAIN_TABLE.rawValue)]
        else { return false }
        var inner = NetlinkCursor(hook)
        guard let number = (try? inner.attributes())?[Int(NFTA_HOOK_HOOKNUM.rawValue)] else { return false }
        let name = String(decoding: table.prefix { $0 != 0 }, as: UTF8.self)
        return UInt32(bigEndian: UInt32(hostOrder: number)) == NF_INET_LOCAL_IN.rawValue && name != Ownership.tableName
    }
}
