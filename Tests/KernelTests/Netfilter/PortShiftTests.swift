// SPDX-License-Identifier: Apache-2.0
import Kernel
import Testing

struct PortShiftTests {
    /// The rule set as expressions: a change of behaviour is a change to this table.
    @Test func theRuleSetIsThis() throws {
        let batch = PortShift.rules(table: "culvert", isActive: true)
        var cursor = NetlinkCursor(batch.bytes[...])
        var lines: [String] = []
        while let message = try cursor.message() {
            lines.append(try Self.describe(message))
        }
        #expect(lines.joined(separator: "\n") == golden)
    }

    @Test func withoutHooksNoPacketMeetsTheRules() throws {
        let active = PortShift.rules(table: "culvert", isActive: true)
        let probe = PortShift.rules(table: "culvert", isActive: false)
        #expect(active.steps == probe.steps)
        var cursor = NetlinkCursor(probe.bytes[...])
        while let message = try cursor.message() {
            #expect(try !Self.describe(message).contains("hook"))
        }
    }

    @Test func packetsAreReadFromACounter() {
        let data: [UInt8] =
            .attribute(1, [0, 0, 0, 0, 0, 0, 0, 9]) + .attribute(2, [0, 0, 0, 0, 0, 0, 1, 2])
        let payload: [UInt8] = [1, 0, 0, 0] + .attribute(2, Array("x".utf8) + [0]) + .attribute(4, data)
        #expect(PortShift.packets(in: payload[...]) == 258)
        for count in 0..<payload.count { #expect(PortShift.packets(in: payload[..<count]) == nil) }
    }

    private static func describe(_ message: NetlinkReply) throws -> String {
        var payload = NetlinkCursor(message.payload)
        try payload.skip(4)
        let attributes = try payload.attributes()
        switch message.type {
        case 0xA00: return "table \(text(attributes[1])) flags \(number(attributes[2]))"
        case 0xA12: return "counter \(text(attributes[2]))"
        case 0xA03:
            guard let hook = attributes[4] else { return "chain \(text(attributes[3]))" }
            var inner = NetlinkCursor(hook)
            let values = try inner.attributes()
            return "chain \(text(attributes[3])) hook \(number(values[1])) priority "
                + "\(Int32(truncatingIfNeeded: number(values[2])))"
        case 0xA06:
            var words: [String] = []
            var list = NetlinkCursor(attributes[4] ?? [])
            while let element = try list.attribute() { words.append(try expression(element.value)) }
            return (["rule \(text(attributes[2]))"] + words).joined(separator: "\n  ")
        default: return "type \(message.type)"
        }
    }

    /// Name and the values of all attributes, in the order of their numbers.
    private static func expression(_ bytes: ArraySlice<UInt8>) throws -> String {
        var cursor = NetlinkCursor(bytes)
        let attributes = try cursor.attributes()
        var data = NetlinkCursor(attributes[2] ?? [])
        let values = try data.attributes().sorted { $0.key < $1.key }
        let name = text(attributes[1])
        if name == "objref", let counter = values.last { return "count \(text(counter.value))" }
        return ([name] + values.map { $0.value.map { hexByte($0) }.joined() }).joined(separator: " ")
    }

    private static func hexByte(_ byte: UInt8) -> String {
        (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }

    private static func text(_ bytes: ArraySlice<UInt8>?) -> String {
        String(decoding: (bytes ?? []).prefix { $0 != 0 }, as: UTF8.self)
    }

    private static func number(_ bytes: ArraySlice<UInt8>?) -> UInt32 {
        (bytes ?? []).reduce(0) { $0 << 8 | UInt32($1) }
    }
}

private let golden = """
    type 16
    table culvert flags 2
    counter shifted-in
    counter shifted-out
    counter refused-l2tp-in-clear
    counter refused-private-in-clear
    counter refused-out-in-clear
    counter refused-quote-in-clear
    counter refused-inside-esp
    counter clamped
    chain inside
    rule inside
      meta 00000008 00000010
      cmp 00000008 00000000 0500010011000000
      payload 00000008 00000002 00000002 00000002
      cmp 00000008 00000000 0600010006a50000
      notrack
      immediate 00000000 0c0002800800010000000001
    rule inside
      count refused-inside-esp
      immediate 00000000 0c0002800800010000000000
    chain before hook 0 priority -300
    rule before
      xfrm 00000008 00000005 00 00000000
      byteorder 00000008 00000008 00000001 00000004 00000004
      cmp 00000008 00000005 0800010000010000
      xfrm 00000008 00000005 00 00000000
      bitwise 00000008 00000008 00000004 00000001 0800010010000000
      byteorder 00000008 00000008 00000001 00000004 00000004
      cmp 00000008 00000005 0600010040000000
      cmp 00000008 00000003 060001007fff0000
      immediate 00000000 1800028008000100fffffffd0b000200696e736964650000
    chain in hook 1 priority 200
    rule in
      meta 00000008 00000010
      cmp 00000008 00000000 0500010011000000
      payload 00000008 00000002 00000002 00000002
      cmp 00000008 00000000 0600010006a50000
      xfrm 00000008 00000005 00 00000000
      byteorder 00000008 00000008 00000001 00000004 00000004
      cmp 00000008 00000005 0800010000010000
      xfrm 00000008 00000005 00 00000000
      bitwise 00000008 00000008 00000004 00000001 0800010010000000
      byteorder 00000008 00000008 00000001 00000004 00000004
      cmp 00000008 00000005 0600010040000000
      cmp 00000008 00000003 060001007fff0000
      payload 00000002 00000002 00000002 00000008 00000001 00000006 00000000
      count shifted-in
      meta 00000009 0000000f
      cmp 00000009 00000000 0500010002000000
      immediate 00000009 0600010000000000
      payload 00000002 00000006 00000002 00000009 00000000 00000000 00000000
    rule in
      meta 00000008 00000010
      cmp 00000008 00000000 0500010011000000
      payload 00000008 00000002 00000002 00000002
      cmp 00000008 00000000 0600010006a50000
      meta 00000008 00000019
      cmp 00000008 00000000 0500010000000000
      count refused-l2tp-in-clear
      immediate 00000000 0c0002800800010000000000
    rule in
      meta 00000008 00000010
      cmp 00000008 00000000 0500010011000000
      payload 00000008 00000002 00000002 00000002
      cmp 00000008 00000005 0600010040000000
      cmp 00000008 00000003 060001007fff0000
      meta 00000008 00000019
      cmp 00000008 00000000 0500010000000000
      count refused-private-in-clear
      immediate 00000000 0c0002800800010000000000
    chain quotes
    rule quotes
      payload 00000008 00000002 00000000 00000002
      cmp 00000008 00000005 0600010003000000
      cmp 00000008 00000003 0600010003ff0000
      cmp 00000008 00000001 0600010003040000
      payload 00000008 00000002 00000011 00000001
      cmp 00000008 00000000 0500010011000000
      payload 00000008 00000002 00000008 00000001
      cmp 00000008 00000000 0500010045000000
      payload 00000008 00000002 0000001e 00000002
      cmp 00000008 00000005 0600010040000000
      cmp 00000008 00000003 060001007fff0000
      count refused-quote-in-clear
      immediate 00000000 0c0002800800010000000000
    rule quotes
      payload 00000008 00000002 00000000 00000002
      cmp 00000008 00000005 0600010003000000
      cmp 00000008 00000003 0600010003ff0000
      cmp 00000008 00000001 0600010003040000
      payload 00000008 00000002 00000011 00000001
      cmp 00000008 00000000 0500010011000000
      payload 00000008 00000002 00000008 00000001
      cmp 00000008 00000000 0500010045000000
      payload 00000008 00000002 0000001e 00000002
      cmp 00000008 00000000 0600010006a50000
      count refused-quote-in-clear
      immediate 00000000 0c0002800800010000000000
    rule quotes
      payload 00000008 00000002 00000000 00000002
      cmp 00000008 00000005 0600010003000000
      cmp 00000008 00000003 0600010003ff0000
      cmp 00000008 00000001 0600010003040000
      payload 00000008 00000002 00000011 00000001
      cmp 00000008 00000000 0500010011000000
      payload 00000008 00000002 00000008 00000001
      cmp 00000008 00000001 0500010045000000
      count refused-quote-in-clear
      immediate 00000000 0c0002800800010000000000
    chain quotes-v6
    rule quotes-v6
      payload 00000008 00000002 00000000 00000002
      cmp 00000008 00000005 0600010001000000
      cmp 00000008 00000003 0600010001ff0000
      payload 00000008 00000002 0000000e 00000001
      cmp 00000008 00000000 0500010011000000
      payload 00000008 00000002 00000032 00000002
      cmp 00000008 00000005 0600010040000000
      cmp 00000008 00000003 060001007fff0000
      count refused-quote-in-clear
      immediate 00000000 0c0002800800010000000000
    rule quotes-v6
      payload 00000008 00000002 00000000 00000002
      cmp 00000008 00000005 0600010001000000
      cmp 00000008 00000003 0600010001ff0000
      payload 00000008 00000002 0000000e 00000001
      cmp 00000008 00000000 0500010011000000
      payload 00000008 00000002 00000032 00000002
      cmp 00000008 00000000 0600010006a50000
      count refused-quote-in-clear
      immediate 00000000 0c0002800800010000000000
    rule quotes-v6
      payload 00000008 00000002 00000000 00000002
      cmp 00000008 00000005 0600010001000000
      cmp 00000008 00000003 0600010001ff0000
      payload 00000008 00000002 0000000e 00000001
      cmp 00000008 00000000 0500010000000000
      count refused-quote-in-clear
      immediate 00000000 0c0002800800010000000000
    rule quotes-v6
      payload 00000008 00000002 00000000 00000002
      cmp 00000008 00000005 0600010001000000
      cmp 00000008 00000003 0600010001ff0000
      payload 00000008 00000002 0000000e 00000001
      cmp 00000008 00000000 050001002b000000
      count refused-quote-in-clear
      immediate 00000000 0c0002800800010000000000
    rule quotes-v6
      payload 00000008 00000002 00000000 00000002
      cmp 00000008 00000005 0600010001000000
      cmp 00000008 00000003 0600010001ff0000
      payload 00000008 00000002 0000000e 00000001
      cmp 00000008 00000000 050001003c000000
      count refused-quote-in-clear
      immediate 00000000 0c0002800800010000000000
    chain out hook 3 priority -310
    rule out
      meta 00000008 00000010
      cmp 00000008 00000000 0500010011000000
      payload 00000008 00000002 00000000 00000002
      cmp 00000008 00000005 0600010040000000
      cmp 00000008 00000003 060001007fff0000
      rt 00000008 00000004
      cmp 00000008 00000000 0500010000000000
      count refused-out-in-clear
      immediate 00000000 0c0002800800010000000000
    rule out
      meta 00000008 00000010
      cmp 00000008 00000000 0500010011000000
      payload 00000008 00000002 00000000 00000002
      cmp 00000008 00000005 0600010040000000
      cmp 00000008 00000003 060001007fff0000
      payload 00000009 00000002 00000006 00000002
      cmp 00000009 00000000 0600010000000000
      immediate 00000008 0600010006a50000
      payload 00000002 00000000 00000002 00000008 00000000 00000000 00000000
      notrack
      count shifted-out
    rule out
      meta 00000008 00000010
      cmp 00000008 00000000 0500010011000000
      payload 00000008 00000002 00000000 00000002
      cmp 00000008 00000005 0600010040000000
      cmp 00000008 00000003 060001007fff0000
      immediate 00000008 0600010006a50000
      payload 00000002 00000000 00000002 00000008 00000001 00000006 00000000
      notrack
      count shifted-out
    rule out
      meta 00000008 00000010
      cmp 00000008 00000000 0500010001000000
      immediate 00000000 1800028008000100fffffffd0b00020071756f7465730000
    rule out
      meta 00000008 00000010
      cmp 00000008 00000000 050001003a000000
      immediate 00000000 1c00028008000100fffffffd0e00020071756f7465732d7636000000
    chain forward hook 2 priority -150
    rule forward
      meta 00000008 00000010
      cmp 00000008 00000000 0500010006000000
      payload 00000008 00000002 0000000d 00000001
      bitwise 00000008 00000008 00000001 0500010006000000 0500010000000000
      cmp 00000008 00000000 0500010002000000
      meta 00000008 00000016
      cmp 00000008 00000000 0800010056430000
      rt 00000008 00000003
      byteorder 00000008 00000008 00000001 00000002 00000002
      exthdr 02 00000002 00000002 00000001 00000008
      count clamped
    rule forward
      meta 00000008 00000010
      cmp 00000008 00000000 0500010006000000
      payload 00000008 00000002 0000000d 00000001
      bitwise 00000008 00000008 00000001 0500010006000000 0500010000000000
      cmp 00000008 00000000 0500010002000000
      meta 00000008 00000015
      cmp 00000008 00000000 0800010056430000
      rt 00000008 00000003
      byteorder 00000008 00000008 00000001 00000002 00000002
      exthdr 02 00000002 00000002 00000001 00000008
      count clamped
    type 17
    """
