// SPDX-License-Identifier: Apache-2.0
import Primitives
import Testing

/// Not inside the tests: then its name would have an address in it.
struct Holder {
    var password: SecretBytes
}

@Suite struct SecretBytesTests {
    private func bytes(of secret: SecretBytes) -> [UInt8] {
        secret.withBytes { span in span.indices.map { span[$0] } }
    }

    @Test("The bytes are those it was made from", arguments: [0, 1, 20, 1000])
    func contents(count: Int) {
        let source = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
        #expect(bytes(of: SecretBytes(copying: source)) == source)
        #expect(bytes(of: SecretBytes(copying: source.span)) == source)
        #expect(bytes(of: SecretBytes(copying: source[...])) == source)
        #expect(SecretBytes(copying: source).count == count)
    }

    @Test("Consuming wipes the original and leaves a copy of it alone")
    func consuming() {
        var source: [UInt8] = [1, 2, 3]
        let copy = source
        let secret = SecretBytes(consuming: &source)
        #expect(source == [0, 0, 0])
        #expect(copy == [1, 2, 3])
        #expect(bytes(of: secret) == [1, 2, 3])
    }

    @Test("Copying leaves the original as it was")
    func copying() {
        let source: [UInt8] = [1, 2, 3]
        _ = SecretBytes(copying: source)
        #expect(source == [1, 2, 3])
    }

    @Test("Neither print, interpolation, reflection nor dump shows a byte")
    func neverPrinted() {
        let secret = SecretBytes(copying: [0xAB, 0xCD, 0xEF] as [UInt8])
        var dumped = ""
        dump(Holder(password: secret), to: &dumped)
        let texts = [
            "\(secret)", secret.description, String(reflecting: secret), String(describing: Holder(password: secret)),
            String(reflecting: Holder(password: secret)), String(describing: [secret]), dumped,
        ]
        for text in texts {
            #expect(text.contains("<3 secret bytes>"))
            for shown in ["171", "205", "239", "ab", "AB", "0x"] { #expect(!text.contains(shown)) }
        }
        #expect(Mirror(reflecting: secret).children.isEmpty)
    }

    @Test("Secrets are equal if and only if their bytes are")
    func equality() {
        let secret = SecretBytes(copying: [1, 2, 3] as [UInt8])
        #expect(secret == SecretBytes(copying: [1, 2, 3] as [UInt8]))
        for other in [[], [1, 2], [1, 2, 3, 4], [0, 2, 3], [1, 0, 3], [1, 2, 0], [0x81, 2, 3]] as [[UInt8]] {
            #expect(secret != SecretBytes(copying: other))
        }
        #expect(SecretBytes(copying: [UInt8]()) == SecretBytes(copying: [UInt8]()))
    }

    @Test("Only the length shows in the hash value")
    func hashing() {
        let secret = SecretBytes(copying: [1, 2, 3] as [UInt8])
        #expect(secret.hashValue == SecretBytes(copying: [4, 5, 6] as [UInt8]).hashValue)
        #expect(Set([secret, SecretBytes(copying: [1, 2, 3] as [UInt8])]).count == 1)
        #expect(Set([secret, SecretBytes(copying: [4, 5, 6] as [UInt8])]).count == 2)
    }

    @Test("A slice is a secret of its own")
    func slicing() {
        let secret = SecretBytes(copying: [1, 2, 3, 4] as [UInt8])
        #expect(bytes(of: secret.slice(from: 1, count: 2)) == [2, 3])
        #expect(secret.slice(from: 0, count: 4) == secret)
        #expect(secret.slice(from: 4, count: 0).count == 0)
    }

    @Test("Arrays are wiped and compared")
    func arrays() {
        var bytes: [UInt8] = [1, 2, 3]
        #expect(bytes.equalsInConstantTime([1, 2, 3]))
        #expect(bytes.equalsInConstantTime([0, 1, 2, 3][1...]))
        #expect(!bytes.equalsInConstantTime([1, 2, 4]))
        #expect(!bytes.equalsInConstantTime([1, 2]))
        #expect(!bytes.equalsInConstantTime([1, 2, 3, 0]))
        #expect(([] as [UInt8]).equalsInConstantTime([]))
        bytes.wipe()
        #expect(bytes == [0, 0, 0])
        var empty: [UInt8] = []
        empty.wipe()
        #expect(empty == [])
    }
}
