// SPDX-License-Identifier: MIT
// [MC-NMF] as far as a service needs it: the preamble, the upgrade, envelopes, the end.
using System.Text;

namespace Nns.Interop.Wcf;

internal enum Record : byte
{
    Version = 0x00,
    Mode = 0x01,
    Via = 0x02,
    KnownEncoding = 0x03,
    UnsizedEnvelope = 0x05,
    SizedEnvelope = 0x06,
    End = 0x07,
    Fault = 0x08,
    UpgradeRequest = 0x09,
    UpgradeResponse = 0x0a,
    PreambleAck = 0x0b,
    PreambleEnd = 0x0c,
}

/// <summary>Writes what one record or message has in one piece.</summary>
internal sealed class Framing(Stream stream, Stream? buffered = null)
{
    private const string Faults = "http://schemas.microsoft.com/ws/2006/05/framing/faults/";

    private readonly byte[] _one = new byte[1];

    public Stream Output { get; } = stream;
    public Stream Input { get; } = buffered ?? stream;

    /// <summary>The next record's type; null at the end of the stream.</summary>
    public async Task<Record?> NextAsync() =>
        await Input.ReadAsync(_one) == 0 ? null : (Record)_one[0];

    public async Task<byte> ByteAsync()
    {
        await Input.ReadExactlyAsync(_one);
        return _one[0];
    }

    public async Task<int> SizeAsync()
    {
        int size = 0;
        for (int shift = 0; shift < 35; shift += 7)
        {
            byte group = await ByteAsync();
            size |= (group & 0x7f) << shift;
            if (group < 0x80)
                return size >= 0 ? size : throw new InvalidDataException("a size is negative");
        }
        throw new InvalidDataException("a size does not end");
    }

    public async Task<string> TextAsync()
    {
        int size = await SizeAsync();
        if (size > 2048)
            throw new InvalidDataException($"a text of {size} bytes");
        var bytes = new byte[size];
        await Input.ReadExactlyAsync(bytes);
        return Encoding.UTF8.GetString(bytes);
    }

    public Task WriteAsync(Record record) => Output.WriteAsync(new[] { (byte)record }).AsTask();

    public Task FaultAsync(string name)
    {
        byte[] text = Encoding.UTF8.GetBytes(Faults + name);
        return Output.WriteAsync(new[] { (byte)Record.Fault, (byte)text.Length }.Concat(text).ToArray()).AsTask();
    }

    /// <summary>The most bytes that stand before an envelope.</summary>
    public const int HeaderMost = 6;

    /// <summary>Writes an envelope that has HeaderMost bytes of room before it.</summary>
    public Task EnvelopeAsync(ArraySegment<byte> envelope)
    {
        byte[] header = [(byte)Record.SizedEnvelope, .. Size(envelope.Count)];
        int start = envelope.Offset - header.Length;
        header.CopyTo(envelope.Array!, start);
        return Output.WriteAsync(envelope.Array.AsMemory(start, header.Length + envelope.Count)).AsTask();
    }

    public static byte[] Size(int size)
    {
        var groups = new List<byte>();
        for (; size >= 0x80; size >>= 7)
            groups.Add((byte)(size | 0x80));
        groups.Add((byte)size);
        return [.. groups];
    }
}

/// <summary>The chunks of an unsized envelope, as a stream that one reads or writes.</summary>
internal sealed class Chunks(Framing framing) : Stream
{
    private int _left; // of the chunk at hand
    private bool _ended;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_left == 0 && !_ended)
            _ended = (_left = await framing.SizeAsync()) == 0;
        if (_ended || buffer.Length == 0)
            return 0;
        int read = await framing.Input.ReadAsync(buffer[..Math.Min(buffer.Length, _left)], cancellationToken);
        if (read == 0)
            throw new EndOfStreamException();
        _left -= read;
        return read;
    }

    public override int Read(byte[] buffer, int offset, int count) =>
        ReadAsync(buffer.AsMemory(offset, count)).AsTask().GetAwaiter().GetResult();

    public override void Write(byte[] buffer, int offset, int count)
    {
        if (count > 0)
            framing.Output.Write([.. Framing.Size(count), .. buffer.AsSpan(offset, count)]);
    }

    public override void Flush() { }

    public override bool CanRead => true;
    public override bool CanWrite => true;
    public override bool CanSeek => false;
    public override long Length => throw new NotSupportedException();
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();
}
