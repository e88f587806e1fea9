// SPDX-License-Identifier: Apache-2.0
import PPP
import Primitives
import Testing

struct OptionTests {
    private let bytes = hex("01 04 05 78  07 02  05 06 DE AD BE EF")

    @Test func decodesAndEncodesAList() throws {
        let list = try PPP.Option.list(from: bytes[...])
        #expect(
            list == [
                PPP.Option(1, integer: UInt16(0x578)), PPP.Option(7), PPP.Option(5, integer: UInt32(0xDEAD_BEEF)),
            ]
        )
        #expect(list[0].integer(UInt16.self) == 1400)
        #expect(list[0].integer(UInt32.self) == nil)
        #expect(PPP.Option.encode(list) == bytes)
        #expect(try PPP.Option.list(from: []).isEmpty)
    }

    @Test(
        "P01: an option length of 0, 1 or beyond the packet is refused",
        arguments: sweep(header: 2, rest: 12, maximum: 255)
    )
    func survivesEveryLength(_ length: Int) {
        var changed = bytes
        changed[1] = UInt8(length)
        do throws(DecodeError) {
            let list = try PPP.Option.list(from: changed[...])
            #expect(list.allSatisfy { $0.value.count <= 10 })
            #expect([4, 12].contains(length) || length == 2 || length == 3)
        } catch {
            #expect(length != 4 && length != 12)
        }
    }

    @Test(arguments: [0, 1])
    func refusesALengthThatDoesNotEvenCoverTheHeader(_ length: UInt8) {
        #expect(throws: DecodeError.invalidLength(Int(length))) { try PPP.Option.list(from: [1, length, 5, 0x78]) }
    }

    @Test func refusesALengthPastTheEnd() {
        #expect(throws: DecodeError.truncated(needed: 3, available: 2)) { try PPP.Option.list(from: [1, 5, 5, 0x78]) }
    }

    @Test(arguments: [1, 2, 3, 5, 7, 8, 11])
    func refusesAListCutAt(_ count: Int) {
        #expect(throws: DecodeError.self) { try PPP.Option.list(from: bytes.prefix(count)) }
    }

    @Test func refusesMoreOptionsThanAnybodyHas() throws {
        let options = [UInt8](repeating: 2, count: 2 * PPP.Option.longestList)
        #expect(try PPP.Option.list(from: options[...]).count == PPP.Option.longestList)
        #expect(throws: DecodeError.invalidValue(field: "number of options", value: 65)) {
            try PPP.Option.list(from: (options + [2, 2])[...])
        }
    }
}
