// SPDX-License-Identifier: Apache-2.0

extension String {
    /// Text of a peer, fit to be stored and shown: UTF-8 mended, cut after `limit` characters, with nothing in it
    /// that a terminal or a log would take for more than text.
    init(peerText bytes: ArraySlice<UInt8>, limit: Int) {
        // What nearly all peers send.
        if bytes.allSatisfy({ (0x20...0x7E).contains($0) }) {
            self = String(decoding: bytes.prefix(limit), as: UTF8.self)
            return
        }
        // A character takes at most four bytes.
        var text = ""
        for scalar in String(decoding: bytes.prefix(4 * limit), as: UTF8.self).unicodeScalars.prefix(limit) {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate, .unassigned:
                text.unicodeScalars.append("\u{FFFD}")
            default:
                text.unicodeScalars.append(scalar)
            }
        }
        self = text
    }

    /// UTF-8 of as many characters as fit into `limit` bytes.
    func utf8Prefix(_ limit: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        for scalar in unicodeScalars {
            let encoded = UTF8.encode(scalar).map(Array.init) ?? []
            guard bytes.count + encoded.count <= limit else { break }
            bytes += encoded
        }
        return bytes
    }
}
