package io.github.pinterestpipeline.connect.s3;

/**
 * A number as it was sent, so that it is stored with all its digits and in no other form.
 *
 * @param text a number by JSON's grammar
 */
record JsonNumber(String text) {}
