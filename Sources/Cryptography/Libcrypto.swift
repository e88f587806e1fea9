// SPDX-License-Identifier: Apache-2.0
internal import CLibcrypto

/// libcrypto's algorithm objects, fetched once, and its error queue.
///
/// Fetching costs more than a small digest. A fetched algorithm is immutable and reference counted
/// atomically, so every thread may use the same one; they are kept until the process ends.
enum Libcrypto {
    nonisolated(unsafe) static let md5 = digest("MD5")
    nonisolated(unsafe) static let sha1 = digest("SHA1")
    nonisolated(unsafe) static let sha256 = digest("SHA2-256")
    nonisolated(unsafe) static let sha384 = digest("SHA2-384")
    nonisolated(unsafe) static let sha512 = digest("SHA2-512")

    nonisolated(unsafe) static let aes128CBC = EVP_CIPHER_fetch(nil, "AES-128-CBC", nil)
    nonisolated(unsafe) static let aes192CBC = EVP_CIPHER_fetch(nil, "AES-192-CBC", nil)
    nonisolated(unsafe) static let aes256CBC = EVP_CIPHER_fetch(nil, "AES-256-CBC", nil)
    nonisolated(unsafe) static let tripleDESCBC = EVP_CIPHER_fetch(nil, "DES-EDE3-CBC", nil)

    nonisolated(unsafe) static let hmac: OpaquePointer = {
        guard let mac = EVP_MAC_fetch(nil, "HMAC", nil) else { fatalError("libcrypto offers no HMAC") }
        return mac
    }()

    private static func digest(_ name: String) -> OpaquePointer {
        guard let digest = EVP_MD_fetch(nil, name, nil) else { fatalError("libcrypto offers no \(name)") }
        return digest
    }

    /// The failure of `function`, with libcrypto's reason for it. Empties the thread's error queue, so that
    /// nothing stale is read later.
    static func failure(of function: StaticString) -> CryptographyError {
        let code = ERR_peek_last_error()
        ERR_clear_error()
        let reason = ERR_reason_error_string(code).map { String(cString: $0) } ?? "no reason given"
        return .libraryFailure("\(function): \(reason)")
    }
}

extension StaticString {
    /// For parameter names, whose pointers libcrypto keeps: a `String` argument would be gone when they are read.
    var cString: UnsafePointer<CChar> {
        UnsafeRawPointer(utf8Start).assumingMemoryBound(to: CChar.self)
    }
}
