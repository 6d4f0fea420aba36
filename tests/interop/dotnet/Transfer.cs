// SPDX-License-Identifier: MIT
// What a peer does with an open stream. Each way reports "sent" or "received" with length and hash.
//
// MIT Kerberos aborts the process when the first wrap and the first unwrap of a context run at once,
// and .NET does not prevent it, so no mode here starts reading before its own first write is done
// (an echo cannot write before it has read).
using System.Security.Cryptography;
using System.Text;
using System.Threading.Channels;

namespace Nns.Interop;

internal static class Transfer
{
    private const int ReadSize = 65536;

    /// <summary>Reads and writes at once: up to 16 buffers are on their way from one to the other.</summary>
    public static async Task EchoAsync(Stream stream, Action halfClose, Action<string, Digest> report)
    {
        var queue = Channel.CreateBounded<byte[]>(16);
        Task writing = WriteQueueAsync(stream, queue, halfClose, report);
        try
        {
            await ReadToEndAsync(stream, report, async data => await queue.Writer.WriteAsync(data.ToArray()));
            queue.Writer.TryComplete();
        }
        catch (Exception failure)
        {
            queue.Writer.TryComplete(failure);
        }
        await writing;
    }

    private static async Task WriteQueueAsync(
        Stream stream, Channel<byte[]> queue, Action halfClose, Action<string, Digest> report)
    {
        using var digest = new Digest();
        try
        {
            await foreach (byte[] data in queue.Reader.ReadAllAsync())
            {
                await stream.WriteAsync(data);
                digest.Add(data);
            }
        }
        catch (Exception failure)
        {
            queue.Writer.TryComplete(failure); // the reader must not wait for room for ever
            throw;
        }
        halfClose();
        report("sent", digest);
    }

    /// <summary>Writes the pattern, half-closes, and reads to the peer's end meanwhile.</summary>
    public static async Task SendAsync(
        Stream stream, long bytes, int writeSize, Action halfClose, Action<string, Digest> report)
    {
        await WriteAndReadAsync(stream, bytes, writeSize, report, afterWriting: halfClose);
    }

    /// <summary>Writes the pattern and reads to the peer's end at once, then half-closes.</summary>
    public static async Task DuplexAsync(
        Stream stream, long bytes, int writeSize, Action halfClose, Action<string, Digest> report)
    {
        await WriteAndReadAsync(stream, bytes, writeSize, report, afterWriting: () => { });
        halfClose();
    }

    private static async Task WriteAndReadAsync(
        Stream stream, long bytes, int writeSize, Action<string, Digest> report, Action afterWriting)
    {
        var wroteFirst = new TaskCompletionSource();
        Task writing = WritePatternAsync(stream, bytes, writeSize, wroteFirst, report, afterWriting);
        await Task.WhenAny(wroteFirst.Task, writing);
        await Task.WhenAll(writing, ReadToEndAsync(stream, report, _ => ValueTask.CompletedTask));
    }

    private static async Task WritePatternAsync(
        Stream stream, long bytes, int writeSize, TaskCompletionSource wroteFirst, Action<string, Digest> report,
        Action afterWriting)
    {
        using var digest = new Digest();
        var pattern = new Pattern();
        var buffer = new byte[writeSize];
        for (long left = bytes; left > 0; left -= Math.Min(left, writeSize))
        {
            Memory<byte> data = buffer.AsMemory(0, (int)Math.Min(left, writeSize));
            pattern.Fill(data.Span);
            await stream.WriteAsync(data);
            digest.Add(data.Span);
            wroteFirst.TrySetResult();
        }
        afterWriting();
        report("sent", digest);
    }

    /// <summary>Reads to the peer's end; answers only then, so the answer proves the half-close.</summary>
    public static async Task DigestAsync(Stream stream, Action halfClose, Action<string, Digest> report)
    {
        string answer = "";
        await ReadToEndAsync(stream, (what, digest) =>
        {
            report(what, digest);
            answer = $"{digest.Length} {digest.ToHex()}\n";
        }, _ => ValueTask.CompletedTask);
        await stream.WriteAsync(Encoding.ASCII.GetBytes(answer));
        halfClose();
    }

    private static async Task ReadToEndAsync(
        Stream stream, Action<string, Digest> report, Func<ReadOnlyMemory<byte>, ValueTask> take)
    {
        using var digest = new Digest();
        var buffer = new byte[ReadSize];
        for (;;)
        {
            int length = await stream.ReadAsync(buffer);
            if (length == 0)
                break;
            digest.Add(buffer.AsSpan(0, length));
            await take(buffer.AsMemory(0, length));
        }
        report("received", digest);
    }
}

/// <summary>Length and SHA-256 of what went one way.</summary>
internal sealed class Digest : IDisposable
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    public long Length { get; private set; }

    public void Add(ReadOnlySpan<byte> data)
    {
        _hash.AppendData(data);
        Length += data.Length;
    }

    public string ToHex() => Convert.ToHexStringLower(_hash.GetCurrentHash());

    public void Dispose() => _hash.Dispose();
}

/// <summary>Bytes that do not repeat, so that a lost, doubled or swapped record changes the hash.</summary>
internal sealed class Pattern
{
    private ulong _position;

    public void Fill(Span<byte> data)
    {
        for (int i = 0; i < data.Length; i++, _position++)
            data[i] = (byte)(((_position >> 3) + 1) * 0x9E3779B97F4A7C15UL >> (int)(_position & 7) * 8);
    }
}
