// SPDX-License-Identifier: Apache-2.0
internal import FoundationEssentials
internal import NIOCore
internal import NIOHTTP1
internal import Primitives

/// One listener's share of the events, on NIO's thread. What it does not take in time is not kept for it.
final class EventStream {
    let filter: EventFilter
    private let limits: ControlSocket.Limits
    private let context: ChannelHandlerContext
    /// Lines of this turn.
    private var lines = ByteBuffer()
    private var lineCount = 0
    /// Written, but not taken by the kernel yet; with the lines of this turn.
    private var waitingEvents = 0
    private var waitingBytes = 0
    /// Not told yet.
    private var lost: UInt64 = 0
    private var tasks: [RepeatedTask] = []
    private var written = 0
    private var taken = 0
    private var lastTaken = NIODeadline.now()

    init(filter: EventFilter, limits: ControlSocket.Limits, context: ChannelHandlerContext) {
        self.filter = filter
        self.limits = limits
        self.context = context
    }

    func begin() {
        tasks = [
            context.eventLoop.repeatOften(limits.heartbeat, self) { $0.beat() },
            context.eventLoop.repeatOften(limits.stallTime / 6, self) { $0.watchReader() },
        ]
        beat()
    }

    func end() {
        for task in tasks { task.cancel() }
        tasks = []
    }

    /// Says goodbye: the daemon ends.
    func finish() {
        flush()
        context.writeAndFlush(NIOAny(HTTPServerResponsePart.end(nil)), promise: nil)
        context.close(promise: nil)
    }

    func append(_ line: ByteBuffer) {
        if lost > 0, hasRoomAgain { tellLoss() }
        guard lost == 0, waitingEvents < limits.streamEvents, waitingBytes + line.readableBytes <= limits.streamBytes
        else {
            lost += 1
            return
        }
        add(line)
    }

    func lose(_ count: UInt64) {
        lost += count
        if hasRoomAgain { tellLoss() }
    }

    func flush() {
        guard lineCount > 0 else { return }
        let bytes = lines
        let count = lineCount
        lines = ByteBuffer()
        lineCount = 0
        written += bytes.readableBytes
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete { _ in
            self.waitingEvents -= count
            self.waitingBytes -= bytes.readableBytes
            if self.lost > 0, self.hasRoomAgain {
                self.tellLoss()
                self.flush()
            }
        }
        context.writeAndFlush(NIOAny(HTTPServerResponsePart.body(.byteBuffer(bytes))), promise: promise)
    }

    private var hasRoomAgain: Bool {
        waitingEvents <= limits.streamEvents / 2 && waitingBytes <= limits.streamBytes / 2
    }

    private func add(_ line: ByteBuffer) {
        lines.writeImmutableBuffer(line)
        lineCount += 1
        waitingEvents += 1
        waitingBytes += line.readableBytes
    }

    private func tellLoss() {
        let count = lost
        lost = 0
        add(EventLine.lost(count, at: .current()).buffer)
    }

    private func beat() {
        guard waitingEvents < limits.streamEvents else { return }
        add(EventLine.heartbeat(at: .current()).buffer)
        flush()
    }

    /// Closes the connection of one who has taken nothing for too long.
    private func watchReader() {
        let waiting = (try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
        let now = NIODeadline.now()
        // What HTTP adds to the lines only makes the reader look a little slower.
        if waiting == 0 || written - waiting > taken { lastTaken = now }
        taken = written - waiting
        if now - lastTaken >= TimeAmount(limits.stallTime) { context.close(promise: nil) }
    }
}

/// Brings the events of the feed to all streams, on NIO's thread.
final class EventHub {
    private let feed: EventFeed
    private let eventLoop: any NIOCore.EventLoop
    private var streams: [EventStream] = []
    private var lastDelivery = NIODeadline.uptimeNanoseconds(0)
    /// So that a flood of events costs this thread a bounded share of a processor.
    private static let pause = TimeAmount.milliseconds(100)

    init(feed: EventFeed, eventLoop: any NIOCore.EventLoop) {
        self.feed = feed
        self.eventLoop = eventLoop
    }

    func add(_ stream: EventStream) {
        streams.append(stream)
        if streams.count == 1 {
            let hub = NIOLoopBound(self, eventLoop: eventLoop)
            let eventLoop = eventLoop
            feed.listen { eventLoop.execute { hub.value.deliverInTime() } }
        }
        stream.begin()
    }

    func remove(_ stream: EventStream) {
        stream.end()
        streams.removeAll { $0 === stream }
        if streams.isEmpty { feed.listen(nil) }
    }

    /// The last of the events, then the end of every stream.
    func finish() {
        deliver()
        for stream in streams { stream.finish() }
    }

    private func deliverInTime() {
        let due = lastDelivery + Self.pause
        if due <= .now() {
            deliver()
        } else {
            eventLoop.assumeIsolated().scheduleTask(deadline: due) { self.deliver() }
        }
    }

    private func deliver() {
        lastDelivery = .now()
        let batch = feed.take()
        for event in batch.events {
            var line: ByteBuffer?
            for stream in streams where stream.filter.admits(event) {
                let bytes = line ?? EventLine(event).buffer
                line = bytes
                stream.append(bytes)
            }
        }
        for stream in streams {
            if batch.lost > 0 { stream.lose(batch.lost) }
            stream.flush()
        }
    }
}

extension NIOCore.EventLoop {
    /// On this loop, from one interval on.
    fileprivate func repeatOften(
        _ interval: Duration,
        _ stream: EventStream,
        _ body: @escaping @Sendable (EventStream) -> Void
    ) -> RepeatedTask {
        let stream = NIOLoopBound(stream, eventLoop: self)
        return scheduleRepeatedTask(initialDelay: TimeAmount(interval), delay: TimeAmount(interval)) { _ in
            body(stream.value)
        }
    }
}

extension EventLine {
    /// With its line feed.
    fileprivate var buffer: ByteBuffer {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Text and a number: nothing in it can fail.
        var buffer = ByteBuffer(bytes: (try? encoder.encode(self)) ?? Data())
        buffer.writeInteger(UInt8(ascii: "\n"))
        return buffer
    }
}
