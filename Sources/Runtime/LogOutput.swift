// SPDX-License-Identifier: Apache-2.0
internal import CLinux

/// Where log lines go: a descriptor, standard error as a rule. A reader that does not read costs
/// lines, never time.
package struct LogOutput: Sendable {
    private let descriptor: Int32
    /// What a stream socket took only a part of.
    private var remainder: ArraySlice<UInt8> = []
    /// Lines lost since the last one that was written.
    package private(set) var lost: UInt64 = 0

    /// - Parameter descriptor: Open as long as this lives; its flags stay as they are, since others share them.
    package init(descriptor: Int32 = 2) {
        self.descriptor = descriptor
    }

    /// - Returns: Whether the line was written, or will be.
    package mutating func write(_ line: [UInt8]) -> Bool {
        guard flush() else {
            lost += 1
            return false
        }
        let written = writeNow(line[...])
        guard written > 0 else {
            lost += 1
            return false
        }
        remainder = line[written...]
        lost = 0
        return true
    }

    /// Writes what a line before had to leave behind.
    private mutating func flush() -> Bool {
        guard !remainder.isEmpty else { return true }
        remainder = remainder.dropFirst(writeNow(remainder))
        return remainder.isEmpty
    }

    private func writeNow(_ bytes: ArraySlice<UInt8>) -> Int {
        bytes.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return 0 }
            return max(0, culvert_write_now(descriptor, base, buffer.count))
        }
    }
}
