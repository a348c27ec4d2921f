package io.github.pinterestpipeline.connect.s3;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * Checks whether bytes are a JSON object in the form that {@link JsonLine} writes, so that they can be
 * stored unchanged.
 *
 * <p>This is no parser but one pass over the bytes without new objects, since it runs for each record.
 * False only means doubt: whitespace, an unnecessary escape, a name twice in an object, UTF-8 that is
 * not strictly valid, a number with an exponent, or another rare case; {@link JsonReader} then reads
 * the bytes. True must be correct, which CompactJsonTest checks with mutations.
 *
 * <p>Not safe for several threads.
 */
final class CompactJson {
  /** Greatest depth of nesting. */
  private static final int DEPTH = 32;

  /** Greatest number of names in an object and its parents. */
  private static final int NAMES = 64;
  private static final int LONGEST_NAME = 1000;

  /** A number of so many characters is within the range of a double. */
  private static final int LONGEST_NUMBER = 300;

  private static final int DOUBT = -1;

  /** Reads eight bytes at once: most of a record is text, and a loop over bytes took half of the time. */
  private static final VarHandle EIGHT =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

  private static final long EACH = 0x0101010101010101L;

  private static final byte[] TRUE = {'t', 'r', 'u', 'e'};
  private static final byte[] FALSE = {'f', 'a', 'l', 's', 'e'};
  private static final byte[] NULL = {'n', 'u', 'l', 'l'};

  private final int[] nameStarts = new int[NAMES];
  private final int[] nameEnds = new int[NAMES];

  /** Returns true if the bytes are one JSON object in the form in which it is stored; false is doubt. */
  boolean isObject(byte[] text) {
    return text.length > 1 && text[0] == '{' && object(text, 1, 0, 0) == text.length;
  }

  // Each method starts behind the bracket or quote that opens its value, and returns the position behind
  // the value's end, or DOUBT. The object's own names start at index `first`; those before are the parents'.

  private int object(byte[] text, int start, int depth, int first) {
    int at = start;
    if (is(text, at, '}')) {
      return at + 1;
    }
    int names = first;
    while (true) {
      if (!is(text, at, '"') || names == NAMES) {
        return DOUBT;
      }
      int name = at + 1;
      at = string(text, name);
      if (!is(text, at, ':') || at - name > LONGEST_NAME || isRepeated(text, name, at, first, names)) {
        return DOUBT;
      }
      nameStarts[names] = name;
      nameEnds[names] = at;
      names++;
      at = value(text, at + 1, depth, names);
      if (is(text, at, '}')) {
        return at + 1;
      }
      if (!is(text, at, ',')) {
        return DOUBT;
      }
      at++;
    }
  }

  private boolean isRepeated(byte[] text, int start, int end, int first, int names) {
    for (int i = first; i < names; i++) {
      if (nameEnds[i] - nameStarts[i] == end - start
          && Arrays.equals(text, nameStarts[i], nameEnds[i], text, start, end)) {
        return true;
      }
    }
    return false;
  }

  private int array(byte[] text, int start, int depth, int first) {
    int at = start;
    if (is(text, at, ']')) {
      return at + 1;
    }
    while (true) {
      at = value(text, at, depth, first);
      if (is(text, at, ']')) {
        return at + 1;
      }
      if (!is(text, at, ',')) {
        return DOUBT;
      }
      at++;
    }
  }

  private int value(byte[] text, int at, int depth, int first) {
    if (at >= text.length || depth == DEPTH) {
      return DOUBT;
    }
    switch (text[at]) {
      case '"':
        return string(text, at + 1);
      case '{':
        return object(text, at + 1, depth + 1, first);
      case '[':
        return array(text, at + 1, depth + 1, first);
      case 't':
        return literal(text, at, TRUE);
      case 'f':
        return literal(text, at, FALSE);
      case 'n':
        return literal(text, at, NULL);
      default:
        return number(text, at);
    }
  }

  private static int literal(byte[] text, int at, byte[] literal) {
    int end = at + literal.length;
    boolean found =
        end <= text.length && Arrays.equals(text, at, end, literal, 0, literal.length);
    return found ? end : DOUBT;
  }

  private static int string(byte[] text, int start) {
    int at = start;
    while (at <= text.length - Long.BYTES && isPlain((long) EIGHT.get(text, at))) {
      at += Long.BYTES;
    }
    while (at >= 0 && at < text.length) {
      byte value = text[at];
      if (value == '"') {
        return at + 1;
      } else if (value == '\\') {
        at = escape(text, at + 1);
      } else if (value >= ' ') {
        at++;
      } else if (value < 0) {
        at = beyondAscii(text, at);
      } else {
        return DOUBT; // a control character
      }
    }
    return DOUBT;
  }

  /**
   * Returns whether none of eight bytes is a quote, a backslash, a control character or beyond ASCII.
   *
   * <p>The highest bit of a byte shows it: it is set in the byte itself, or by a borrow when 0x20 is
   * subtracted, or 1 where a quote or a backslash has become 0. A borrow also reaches the bytes above, so
   * false may be due to another byte; true holds for all eight.
   */
  private static boolean isPlain(long bytes) {
    long quotes = bytes ^ EACH * '"';
    long backslashes = bytes ^ EACH * '\\';
    long found =
        (quotes - EACH) & ~quotes
            | (backslashes - EACH) & ~backslashes
            | (bytes - EACH * ' ')
            | bytes;
    return (found & EACH * 0x80) == 0;
  }

  /** Accepts an escape that JsonLine also writes. */
  private static int escape(byte[] text, int at) {
    if (at < text.length) {
      switch (text[at]) {
        case '"', '\\', 'b', 'f', 'n', 'r', 't':
          return at + 1;
        default: // an escaped slash or a character's number, either of which may be unnecessary
      }
    }
    return DOUBT;
  }

  /** Accepts a character of two to four bytes: the shortest form, no surrogate (RFC 3629). */
  private static int beyondAscii(byte[] text, int at) {
    int lead = text[at] & 0xff;
    if (lead >= 0xc2 && lead <= 0xdf) {
      return follows(text, at + 1, 1, 0x80, 0xbf);
    } else if (lead >= 0xe0 && lead <= 0xef) {
      return follows(text, at + 1, 2, lead == 0xe0 ? 0xa0 : 0x80, lead == 0xed ? 0x9f : 0xbf);
    } else if (lead >= 0xf0 && lead <= 0xf4) {
      return follows(text, at + 1, 3, lead == 0xf0 ? 0x90 : 0x80, lead == 0xf4 ? 0x8f : 0xbf);
    }
    return DOUBT;
  }

  /** Accepts {@code count} further bytes of a character, the first of them within bounds. */
  private static int follows(byte[] text, int at, int count, int least, int most) {
    if (at + count > text.length || (text[at] & 0xff) < least || (text[at] & 0xff) > most) {
      return DOUBT;
    }
    for (int i = 1; i < count; i++) {
      if ((text[at + i] & 0xc0) != 0x80) {
        return DOUBT;
      }
    }
    return at + count;
  }

  private static int number(byte[] text, int start) {
    int whole = is(text, start, '-') ? start + 1 : start;
    int at = digits(text, whole);
    if (at == whole || (text[whole] == '0' && at > whole + 1)) {
      return DOUBT;
    }
    if (is(text, at, '.')) {
      int fraction = at + 1;
      at = digits(text, fraction);
      if (at == fraction) {
        return DOUBT;
      }
    }
    return at - start > LONGEST_NUMBER ? DOUBT : at; // the caller does not accept an exponent here
  }

  private static int digits(byte[] text, int start) {
    int at = start;
    while (at < text.length && text[at] >= '0' && text[at] <= '9') {
      at++;
    }
    return at;
  }

  private static boolean is(byte[] text, int at, char expected) {
    return at >= 0 && at < text.length && text[at] == expected;
  }
}
