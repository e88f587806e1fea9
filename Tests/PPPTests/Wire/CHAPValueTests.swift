// SPDX-License-Identifier: Apache-2.0
import PPP
import Primitives
import Testing

struct CHAPValueTests {
    private let bytes = [16] + [UInt8](0..<16) + Array("gw1".utf8)

    @Test func decodesAndEncodes() throws {
        var reader = ByteReader(bytes)
        let value = try CHAPValue(from: &reader)
        #expect(value == CHAPValue(value: Array(0..<16)[...], name: Array("gw1".utf8)[...]))
        var writer = ByteWriter()
        value.encode(into: &writer)
        #expect(writer.bytes == bytes)
    }

    @Test(
        "P07: a value size beyond the packet is refused",
        arguments: sweep(header: 1, rest: 19, maximum: 255)
    )
    func survivesEverySize(_ size: Int) {
        var changed = bytes
        changed[0] = UInt8(size)
        var reader = ByteReader(changed)
        do throws(DecodeError) {
            let value = try CHAPValue(from: &reader)
            #expect((1...19).contains(size))
            #expect(value.value.count == size && value.name.count == 19 - size)
        } catch {
            #expect(size == 0 || size > 19)
        }
    }

    /// RFC 2759 §4.
    @Test func responseOfMSCHAPv2HasItsPlaces() throws {
        let response = MSCHAPv2Response(
            peerChallenge: Array(0..<16),
            ntResponse: Array(32..<56)
        )
        var writer = ByteWriter()
        response.encode(into: &writer)
        #expect(writer.bytes == Array(0..<16) + [UInt8](repeating: 0, count: 8) + Array(32..<56) + [0])
        var reader = ByteReader(writer.bytes)
        #expect(try MSCHAPv2Response(from: &reader) == response)
    }

    @Test(arguments: [0, 1, 16, 24, 48, 50, 255])
    func responseOfMSCHAPv2IsRefusedWithAnotherSize(_ size: Int) {
        var reader = ByteReader([UInt8](repeating: 0, count: size))
        #expect(throws: DecodeError.invalidLength(size)) { try MSCHAPv2Response(from: &reader) }
    }
}
