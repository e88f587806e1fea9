// SPDX-License-Identifier: Apache-2.0
import CQRCode
import Glibc

/// A QR code, in characters.
struct QRCode {
    /// Modules on each side.
    let width: Int
    /// Row by row; `true` is dark.
    private let modules: [Bool]

    /// Cameras want four light modules around it.
    private static let margin = 4

    /// - Throws: If the text is longer than any QR code (about 2,300 bytes).
    init(_ text: String) throws(Problem) {
        let bytes = Array(text.utf8)
        guard let code = QRcode_encodeData(Int32(bytes.count), bytes, 0, QR_ECLEVEL_M) else {
            throw Problem(
                errno == ERANGE
                    ? "the text is too long for a QR code" : "no QR code: \(String(cString: strerror(errno)))",
                remedy: "put the profile where the client can fetch it, and give --url"
            )
        }
        defer { QRcode_free(code) }
        width = Int(code.pointee.width)
        modules = (0..<width * width).map { code.pointee.data[$0] & 1 == 1 }
    }

    func isDark(row: Int, column: Int) -> Bool {
        (0..<width).contains(row) && (0..<width).contains(column) && modules[row * width + column]
    }

    /// Two rows in each line, light modules as blocks: right on a dark terminal, which most are; cameras take a light
    /// one too.
    var terminalText: String {
        let range = -Self.margin..<width + Self.margin
        return stride(from: range.lowerBound, to: range.upperBound, by: 2).map { row in
            range.map { column in
                switch (isDark(row: row, column: column), isDark(row: row + 1, column: column)) {
                case (false, false): "█"
                case (false, true): "▀"
                case (true, false): "▄"
                case (true, true): " "
                }
            }.joined() + "\n"
        }.joined()
    }
}
