// SPDX-License-Identifier: Apache-2.0
import PPP
import Primitives
import Testing

struct PAPRequestTests {
    private let bytes = hex("05 616C696365 06 733363723374")

    @Test func decodesAndEncodes() throws {
        var reader = ByteReader(bytes)
        let request = try PAPRequest(from: &reader)
        #expect(request.peerID == Array("alice".utf8)[...])
        #expect(request.password == SecretBytes(copying: "s3cr3t".utf8))
        var writer = ByteWriter()
        request.encode(into: &writer)
        #expect(writer.bytes == bytes)
    }

    @Test(
        "P06: a length of name or password beyond the packet is refused",
        arguments: sweep(header: 5, rest: 12, maximum: 255),
        [0, 6]
    )
    func survivesEveryLength(_ length: Int, _ position: Int) {
        var changed = bytes
        changed[position] = UInt8(length)
        var reader = ByteReader(changed)
        do throws(DecodeError) {
            let request = try PAPRequest(from: &reader)
            #expect(request.peerID.count + request.password.count <= bytes.count - 2)
        } catch {
            #expect(length != (position == 0 ? 5 : 6))
        }
    }

    @Test(arguments: 0..<13)
    func refusesARequestCutAt(_ count: Int) {
        var reader = ByteReader(Array(bytes.prefix(count)))
        #expect(throws: DecodeError.self) { try PAPRequest(from: &reader) }
    }

    @Test func repliesWithACountedMessage() {
        #expect(PAPRequest.reply("ok") == [2, 0x6F, 0x6B])
        #expect(PAPRequest.reply(String(repeating: "x", count: 300)).count == 256)
    }
}
