// SPDX-License-Identifier: Apache-2.0
internal import IKE
internal import Primitives

/// Whose key is which.
extension Lowering {
    private enum Authentication: String, CaseIterable {
        case psk
        case certificate
    }

    /// - Returns: Never an empty list.
    mutating func preSharedKeys(_ section: inout Section) -> [PreSharedKey]? {
        let authentication = section.take("authentication")
        let secret = section.take("secret")
        if let authentication {
            guard let choice: Authentication = authentication.choice("authentication", &diagnostics) else { return nil }
            if choice == .certificate {
                diagnostics.error(
                    authentication.position,
                    "authentication by certificate is not supported yet",
                    remedy: "use psk"
                )
                return nil
            }
        }
        guard let secret else {
            diagnostics.error(section.position, "a profile with a pre-shared key needs the key 'secret'")
            return nil
        }
        guard let key = self.secret(secret, "the pre-shared key") else { return nil }
        let (isText, hasOuterBlank) = key.withBytes { bytes in
            var isText = true
            for index in 0..<bytes.count where !(0x20...0x7E).contains(bytes[index]) { isText = false }
            let isBlank = { (byte: UInt8) in byte == 0x20 || byte == 0x09 }
            return (isText, bytes.count > 0 && (isBlank(bytes[0]) || isBlank(bytes[bytes.count - 1])))
        }
        if hasOuterBlank {
            diagnostics.warning(
                secret.position,
                "the pre-shared key begins or ends with a blank, which is part of it",
                remedy: "take the blank out unless peers have it too"
            )
        }
        // Who writes bytes instead of text has hardly thought them up.
        if key.count < (isText ? 20 : 16) {
            diagnostics.warning(
                secret.position,
                "the pre-shared key has \(key.count) bytes: who records one handshake can find it by trying",
                remedy: "take 20 random characters or more"
            )
        }
        return [PreSharedKey(secret: key)]
    }
}
